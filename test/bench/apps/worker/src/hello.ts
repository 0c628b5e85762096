/** The work of `cloudflare.hello`, in unmoor and in the Worker written bare. */
export const hello = (): Response => new Response('Hello, world!')
