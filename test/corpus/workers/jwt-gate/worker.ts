import { defineWorker } from '../../harness/workers/worker.ts'

const bearer =
  (name: string) =>
  (answers: Record<string, { body: string }>): Record<string, string> => ({
    authorization: `Bearer ${JSON.parse(answers[name]?.body ?? '{}').jwt}`,
  })

export default defineWorker({
  style: 'an API behind JSON web tokens, itty-router and jose, wrangler.json with secrets',
  requests: [
    { name: 'no token', path: '/me', status: 401 },
    { name: 'token', path: '/token', body: { name: 'ada', role: 'admin' }, contains: 'eyJ' },
    { name: 'me', path: '/me', headers: bearer('token'), contains: '"sub":"ada"' },
    { name: 'token of a reader', path: '/token', body: { name: 'bob', role: 'reader' } },
    { name: 'may not', path: '/me', headers: bearer('token of a reader'), status: 403 },
    {
      name: 'forged',
      path: '/me',
      headers: { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYWRtaW4ifQ.AAAA' },
      status: 401,
    },
    { name: 'keys', path: '/keys', contains: '"crv":"P-256"' },
    { name: 'bad body', path: '/token', body: 'x', status: 500 },
    { name: 'not found', path: '/x', status: 404 },
  ],
})
