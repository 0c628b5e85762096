import { defineApp } from 'unmoor'

/** What no tenant should do. */
export default defineApp({
  fetch(request) {
    const kept: unknown[] = []
    const loops = request.url.endsWith('/loop')
    while (loops || kept.length >= 0) {
      if (!loops) kept.push(Array.from({ length: 1000 }, (_, index) => ({ index })))
    }
    return new Response()
  },
})
