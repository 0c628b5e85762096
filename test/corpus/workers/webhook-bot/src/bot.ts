interface Env {
  SIGNING_KEY: string
  UPSTREAM_URL: string
  SEEN: KVNamespace
}

const hex = (bytes: ArrayBuffer) =>
  [...new Uint8Array(bytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
const unhex = (text: string) => Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16))

async function isSigned(request: Request, body: ArrayBuffer, secret: string) {
  const signature = request.headers.get('x-hub-signature-256')?.replace('sha256=', '')
  if (!signature) return false
  const key = await crypto.subtle.importKey(
    'raw',
    new TextEncoder().encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['verify', 'sign'],
  )
  const expected = await crypto.subtle.sign('HMAC', key, body)
  const given = unhex(signature)
  return (
    given.byteLength === expected.byteLength &&
    crypto.subtle.timingSafeEqual(given, new Uint8Array(expected)) &&
    hex(expected) === signature
  )
}

export default {
  async fetch(request, env): Promise<Response> {
    const url = new URL(request.url)
    if (url.pathname === '/seen') return Response.json((await env.SEEN.list()).keys.map(({ name }) => name))
    if (request.method !== 'POST')
      return new Response('POST only', { status: 405, headers: { allow: 'POST' } })
    const body = await request.clone().arrayBuffer()
    if (!(await isSigned(request, body, env.SIGNING_KEY)))
      return new Response('bad signature', { status: 401 })
    const type = request.headers.get('content-type') ?? ''
    const event = type.includes('form')
      ? Object.fromEntries(await request.formData())
      : await request.json<Record<string, unknown>>()
    await (async () => {
      const response = await fetch(`${env.UPSTREAM_URL}/send`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: `got ${event.action}` }),
      })
      await env.SEEN.put(`${event.action}:${response.status}:${await response.text()}`, '')
    })()
    return Response.json({ ok: true, event }, { status: 202 })
  },
} satisfies ExportedHandler<Env>
