import { defineApp } from 'unmoor'

export default defineApp({
  fetch: () => new Response('Hello, world!', { headers: { 'content-type': 'text/plain; charset=UTF-8' } }),
})
