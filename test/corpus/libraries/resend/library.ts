import { defineLibrary } from '../../harness/library.ts'

/** The few calls of the API that the app makes. */
async function upstream(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url)
  const key = request.headers.get('authorization')
  if (request.method === 'POST') {
    const sent = (await request.json()) as unknown
    const id = request.headers.get('idempotency-key') ?? 'e1'
    return Response.json(pathname === '/emails/batch' ? { data: [{ id, sent, key }] } : { id, sent, key })
  }
  return pathname === '/emails/e1'
    ? Response.json({ id: 'e1', subject: 'Hällo' })
    : Response.json({ name: 'not_found', message: 'Email not found', statusCode: 404 }, { status: 404 })
}

export default defineLibrary({
  packages: ['resend'],
  upstream,
  requests: [
    { name: 'send', path: '/send', contains: '"id":"once"' },
    { name: 'send an attachment', path: '/attach', contains: 'a.txt' },
    { name: 'a batch', path: '/batch', contains: 'two' },
    { name: 'get', path: '/get', contains: 'Hällo' },
    { name: 'an error', path: '/error', status: 404, contains: 'not_found' },
  ],
})
