interface Env {
  BUCKET: R2Bucket
  AUTH_KEY_SECRET: string
}

const hasValidHeader = (request: Request, env: Env) =>
  request.headers.get('X-Custom-Auth-Key') === env.AUTH_KEY_SECRET

function authorizeRequest(request: Request, env: Env) {
  switch (request.method) {
    case 'PUT':
    case 'DELETE':
    case 'POST':
      return hasValidHeader(request, env)
    default:
      return true
  }
}

export default {
  async fetch(request, env): Promise<Response> {
    const url = new URL(request.url)
    const key = decodeURIComponent(url.pathname.slice(1))
    if (!authorizeRequest(request, env)) return new Response('Forbidden', { status: 403 })

    switch (request.method) {
      case 'PUT': {
        const object = await env.BUCKET.put(key, request.body, {
          httpMetadata: request.headers,
          customMetadata: { By: request.headers.get('x-by') ?? 'nobody' },
        })
        return Response.json({ key: object.key, size: object.size, etag: object.etag }, { status: 201 })
      }
      case 'POST': {
        const form = await request.formData()
        const saved = []
        for (const [name, value] of form) {
          if (typeof value === 'string') continue
          const file = value as File
          const { size, httpEtag } = await env.BUCKET.put(`${key}/${file.name}`, file.stream(), {
            httpMetadata: { contentType: file.type, cacheControl: 'max-age=60' },
          })
          saved.push({ name, size, httpEtag })
        }
        return Response.json(saved)
      }
      case 'HEAD': {
        const object = await env.BUCKET.head(key)
        if (object === null) return new Response(null, { status: 404 })
        const headers = new Headers({
          'x-size': String(object.size),
          'x-by': object.customMetadata?.By ?? '',
        })
        object.writeHttpMetadata(headers)
        return new Response(null, { headers })
      }
      case 'GET': {
        if (key === '') {
          const listed = await env.BUCKET.list({
            include: ['customMetadata'],
            delimiter: '/',
            prefix: url.searchParams.get('prefix') ?? undefined,
          })
          return Response.json({
            objects: listed.objects.map(({ key, size, customMetadata }) => ({ key, size, customMetadata })),
            folders: listed.delimitedPrefixes,
            truncated: listed.truncated,
          })
        }
        const object = await env.BUCKET.get(key, { range: request.headers, onlyIf: request.headers })
        if (object === null) return new Response('Object Not Found', { status: 404 })
        const headers = new Headers()
        object.writeHttpMetadata(headers)
        headers.set('etag', object.httpEtag)
        if (!('body' in object)) return new Response(undefined, { status: 304, headers })
        const range = object.range as { offset?: number; length?: number } | undefined
        const partial = request.headers.get('range') !== null && range?.offset !== undefined
        if (partial)
          headers.set(
            'content-range',
            `bytes ${range.offset}-${range.offset! + range.length! - 1}/${object.size}`,
          )
        return new Response(object.body, { headers, status: partial ? 206 : 200 })
      }
      case 'DELETE':
        await env.BUCKET.delete(key)
        return new Response('Deleted!')
      default:
        return new Response('Method Not Allowed', { status: 405, headers: { Allow: 'PUT, GET, DELETE' } })
    }
  },
} satisfies ExportedHandler<Env>
