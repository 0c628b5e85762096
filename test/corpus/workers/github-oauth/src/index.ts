interface Env {
  CLIENT_ID: string
  CLIENT_SECRET: string
  COOKIE_KEY: string
  UPSTREAM_URL: string
  SESSIONS: KVNamespace
}

const encoder = new TextEncoder()

async function sign(value: string, secret: string) {
  const key = await crypto.subtle.importKey(
    'raw',
    encoder.encode(secret),
    { name: 'HMAC', hash: 'SHA-256' },
    false,
    ['sign'],
  )
  const mac = await crypto.subtle.sign('HMAC', key, encoder.encode(value))
  return `${value}.${btoa(String.fromCharCode(...new Uint8Array(mac))).replace(/=+$/, '')}`
}

const cookies = (request: Request) =>
  Object.fromEntries(
    (request.headers.get('cookie') ?? '').split('; ').map((part) => part.split(/=(.*)/s).slice(0, 2)),
  )

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url)
    switch (url.pathname) {
      case '/login': {
        const state = 'fixed-state'
        const target = new URL('/authorize', env.UPSTREAM_URL)
        target.search = new URLSearchParams({
          client_id: env.CLIENT_ID,
          redirect_uri: `${url.origin}/callback`,
          scope: 'read:user user:email',
          state,
        }).toString()
        return new Response(null, {
          status: 302,
          headers: [
            ['location', target.href],
            ['set-cookie', `state=${await sign(state, env.COOKIE_KEY)}; HttpOnly; Path=/; Secure`],
            ['set-cookie', 'theme=dark; Path=/'],
          ],
        })
      }
      case '/callback': {
        const { state } = cookies(request)
        if (state !== (await sign(url.searchParams.get('state') ?? '', env.COOKIE_KEY)))
          return new Response('state does not match', { status: 400 })
        const response = await fetch(`${env.UPSTREAM_URL}/access_token`, {
          method: 'POST',
          headers: { accept: 'application/json', 'user-agent': 'worker' },
          body: new URLSearchParams({
            client_id: env.CLIENT_ID,
            client_secret: env.CLIENT_SECRET,
            code: url.searchParams.get('code') ?? '',
          }),
        })
        const token = await response.json<{ access_token?: string; error?: string }>()
        if (token.error) return Response.json(token, { status: 401 })
        const user = await (
          await fetch(`${env.UPSTREAM_URL}/user`, {
            headers: { authorization: `token ${token.access_token}` },
          })
        ).json()
        await env.SESSIONS.put('session', JSON.stringify(user), { expirationTtl: 3600 })
        return new Response(null, {
          status: 303,
          headers: { location: '/', 'set-cookie': 'session=1; Path=/; Max-Age=3600' },
        })
      }
      case '/': {
        if (!cookies(request)['session']) return Response.redirect(`${url.origin}/login`)
        return Response.json(await env.SESSIONS.get('session', 'json'))
      }
    }
    return new Response('Not found', { status: 404 })
  },
}
