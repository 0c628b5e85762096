import { error, json, Router, withParams, withContent, status, text, html, cors } from 'itty-router'

const { preflight, corsify } = cors({ origin: '*', allowMethods: 'GET, POST' })
const notes = new Map([['1', { id: '1', text: 'first' }]])
const router = Router({ base: '/api', before: [preflight, withParams], finally: [corsify] })

router
  .get('/notes', ({ query }) => json([...notes.values()].slice(0, Number(query.limit ?? 10))))
  .get('/notes/:id.:format?', ({ id, format }) => {
    const note = notes.get(id)
    if (!note) return error(404, 'Not found.')
    return format === 'txt' ? text(note.text) : format === 'html' ? html(`<p>${note.text}</p>`) : json(note)
  })
  .post('/notes', withContent, ({ content }) => {
    if (!content?.text) return error(400, { text: 'missing' })
    const id = String(notes.size + 1)
    notes.set(id, { id, text: content.text })
    return status(204, { headers: { location: `/api/notes/${id}` } })
  })
  .get('/files/:path+', ({ path }) => json({ path }))
  .get('/class', () => text(class Named {}.name + function inner() {}.name))
  .all('*', () => error(404))

export default { fetch: (request, ...args) => router.fetch(request, ...args).catch(error) }
