import { createError, defineHandler, getQuery, H3, HTTPError, readBody, redirect, setCookie } from 'h3'
import { defineApp } from 'unmoor'

const app = new H3()
app.use((event) => {
  event.res.headers.set('x-powered-by', 'h3')
})
// Each platform's half of h3 has a default type of its own for text.
app.get('/', (event) => {
  event.res.headers.set('content-type', 'text/plain; charset=utf-8')
  return 'Hello, wörld'
})
app.get('/users/:id', (event) => ({ id: event.context.params?.['id'], query: getQuery(event) }))
app.post('/echo', async (event) => ({ body: await readBody(event) }))
app.get('/old', () => redirect('/new', 301))
app.get(
  '/cookie',
  defineHandler((event) => {
    setCookie(event, 'theme', 'dark', { httpOnly: true, maxAge: 60 })
    return { set: true }
  }),
)
app.get('/teapot', () => {
  throw new HTTPError({ status: 418, statusText: "I'm a teapot", data: { short: 'stout' } })
})
app.get('/conflict', () => {
  throw createError({ status: 409, message: 'conflict' })
})
app.get('/stream', () => new Blob(['a ', 'stream']).stream())

export default defineApp({ fetch: (request) => app.fetch(request) })
