/** Files in R2, streamed both ways, with etags and ranges. The Worker knows nothing of unmoor. */
export default {
  async fetch(request, env) {
    const key = decodeURIComponent(new URL(request.url).pathname.slice(1))
    switch (request.method) {
      case 'GET':
      case 'HEAD':
        return key === '' ? list(request, env) : download(request, env, key)
      case 'PUT':
        return upload(request, env, key)
      case 'DELETE':
        await env.BUCKET.delete(key)
        return new Response(null, { status: 204 })
    }
    return new Response('Method Not Allowed', { status: 405, headers: { allow: 'GET, HEAD, PUT, DELETE' } })
  },
}

async function list(request, env) {
  const { searchParams } = new URL(request.url)
  const { objects, delimitedPrefixes, truncated } = await env.BUCKET.list({
    prefix: searchParams.get('prefix') ?? '',
    delimiter: '/',
    include: ['httpMetadata'],
  })
  return Response.json({
    folders: delimitedPrefixes,
    files: objects.map(({ key, size, httpMetadata }) => ({ key, size, type: httpMetadata.contentType })),
    truncated,
  })
}

async function download(request, env, key) {
  const object = await env.BUCKET.get(key, { onlyIf: request.headers, range: request.headers })
  if (object === null) return new Response('Not Found', { status: 404 })
  const headers = new Headers({ etag: object.httpEtag, 'accept-ranges': 'bytes' })
  object.writeHttpMetadata(headers)
  if (!('body' in object)) return new Response(null, { status: 304, headers })
  const partial = request.headers.has('range')
  if (partial)
    headers.set(
      'content-range',
      `bytes ${object.range.offset}-${object.range.offset + object.range.length - 1}/${object.size}`,
    )
  return new Response(object.body, { status: partial ? 206 : 200, headers })
}

async function upload(request, env, key) {
  const length = Number(request.headers.get('content-length') ?? Number.NaN)
  if (!(length <= Number(env.MAX_BYTES))) return new Response('Content Too Large', { status: 413 })
  const object = await env.BUCKET.put(key, request.body, {
    httpMetadata: request.headers,
    onlyIf: request.headers,
  })
  if (object === null) return new Response('Precondition Failed', { status: 412 })
  return Response.json({ key, size: object.size }, { status: 201, headers: { etag: object.httpEtag } })
}
