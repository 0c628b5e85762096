/** The app of `cloudflare.size`: one kv binding, read. */
export async function resolveLink(
  request: Request,
  links: { get(key: string): Promise<string | null> },
): Promise<Response> {
  const url = await links.get(new URL(request.url).pathname.slice(1))
  return url === null ? new Response('Not Found', { status: 404 }) : Response.redirect(url)
}
