import { AutoRouter, cors, error, type IRequest, json, text, withParams } from 'itty-router'
import { defineApp } from 'unmoor'

const { preflight, corsify } = cors({ origin: 'https://example.com' })
const withUser = (request: IRequest): Response | undefined => {
  const user = request.headers.get('authorization')
  if (user === null) return error(401, 'Invalid user.')
  request['user'] = user
  return undefined
}
const router = AutoRouter({ before: [preflight, withParams], finally: [corsify] })

router
  .get('/hello/:name', ({ name }) => `Hello, ${String(name)}!`)
  .get('/todos/:id?', ({ id, query }) => ({ id: (id as string) ?? null, query }))
  .post('/todos', async (request) => json({ created: (await request.json()) as unknown }, { status: 201 }))
  .get('/me', withUser, ({ user }) => ({ user: user as string }))
  .get('/text', () => text('plain ä'))
  .get('/throws', () => {
    throw new Error('broken')
  })

export default defineApp({ fetch: (request) => router.fetch(request) as Promise<Response> })
