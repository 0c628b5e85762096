import { Hono } from 'hono'

export const answers = new Hono()
  .get('/none', (c) => c.body(null, 204))
  .get('/text', (c) => c.text('', 204 as 200)) // expect: null-body
  .get('/json', (c) => c.json({ a: 1 }, 304 as 200)) // expect: null-body
  .get('/full', (c) => c.text('', 200))
