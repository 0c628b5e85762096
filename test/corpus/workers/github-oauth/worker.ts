import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a login through GitHub with signed cookies and sessions in KV',
  async upstream(request) {
    const { pathname } = new URL(request.url)
    if (pathname === '/access_token') {
      const form = new URLSearchParams(await request.text())
      if (form.get('code') !== 'good' || form.get('client_secret') !== 's3cret')
        return Response.json({ error: 'bad_verification_code' })
      return Response.json({ access_token: 'gho_1', type: request.headers.get('content-type') })
    }
    return Response.json({ login: 'ada', by: request.headers.get('authorization') })
  },
  requests: [
    { name: 'without a session', path: '/', status: 302 },
    { name: 'login', path: '/login', status: 302 },
    { name: 'wrong state', path: '/callback?code=good&state=x', status: 400 },
    { name: 'wrong code', path: '/callback?code=bad&state=fixed-state', headers: state, status: 401 },
    { name: 'callback', path: '/callback?code=good&state=fixed-state', headers: state, status: 303 },
    { name: 'with a session', path: '/', headers: { cookie: 'session=1' }, contains: 'token gho_1' },
    { name: 'not found', path: '/x', status: 404 },
  ],
})

function state({ login }: { login?: { headers: Readonly<Record<string, string>> } }): Record<string, string> {
  return { cookie: (login?.headers['set-cookie'] ?? '').split(';')[0] ?? '' }
}
