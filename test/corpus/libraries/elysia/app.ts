import { Elysia, status, t } from 'elysia'
import { defineApp } from 'unmoor'

// aot: false, as its documentation has it for runtimes that refuse code made at run time.
const app = new Elysia({ aot: false })
  .onError(({ code, error, set }) => {
    if (error instanceof RangeError) return status(500, { name: error.name, message: error.message })
    if (code === 'NOT_FOUND') return status(404, 'no such place')
    set.headers['x-code'] = String(code)
    return undefined
  })
  .derive(({ headers }) => ({ user: headers['x-user'] ?? 'nobody' }))
  .get('/', () => 'Hällo')
  .get('/users/:id', ({ params, query, user }) => ({ id: params.id, query, user }), {
    params: t.Object({ id: t.Numeric() }),
    query: t.Object({ full: t.Optional(t.BooleanString()) }),
  })
  .post(
    '/users',
    ({ body, set }) => {
      set.status = 201
      set.headers['x-made'] = 'yes'
      return body
    },
    { body: t.Object({ name: t.String({ minLength: 2 }), age: t.Integer() }) },
  )
  .get('/cookie', ({ cookie: { seen } }) => {
    const before = seen?.value ?? 'never'
    seen?.set({ value: 'once', httpOnly: true, path: '/' })
    return { before }
  })
  .group('/admin', (group) =>
    group
      .onBeforeHandle(({ user }) => (user === 'ada' ? undefined : status(403, 'not you')))
      .get('/secret', () => 'secret'),
  )
  .get('/stream', async function* () {
    for (const n of [1, 2, 3]) {
      await Promise.resolve()
      yield `part ${n};`
    }
  })
  .get('/fails', () => {
    throw new RangeError('too far')
  })

export default defineApp({ fetch: (request) => app.fetch(request) })
