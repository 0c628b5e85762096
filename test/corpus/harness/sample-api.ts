/** A small API that HTTP clients of the corpus are pointed at. */
export async function sampleApi(request: Request): Promise<Response> {
  const { pathname, search } = new URL(request.url)
  switch (pathname) {
    case '/echo': {
      const type = request.headers.get('content-type') ?? ''
      if (!type.startsWith('multipart/'))
        return Response.json({ method: request.method, body: await request.json() })
      const fields = [...(await request.formData())].map(([name, value]) => [name, typeof value])
      return Response.json({ method: request.method, fields })
    }
    case '/headers':
      return Response.json({
        app: request.headers.get('x-app'),
        authorization: request.headers.get('authorization'),
      })
    case '/bytes':
      return new Response(Uint8Array.from([0, 127, 128, 255]))
    case '/missing':
      return Response.json({ error: 'there is no such thing' }, { status: 404 })
    case '/gone':
      return new Response(null, { status: 302, headers: { location: '/users/2' } })
    default:
      return Response.json({ path: pathname, search })
  }
}
