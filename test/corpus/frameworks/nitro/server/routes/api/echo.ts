export default defineEventHandler(async (event) => ({
  method: event.method,
  query: getQuery(event),
  body: event.method === 'POST' ? await readBody(event) : null,
}))
