import { defineApp } from 'unmoor'

/** What no tenant should do. */
export default defineApp({
  // oxlint-disable-next-line typescript/require-await -- it never comes to an answer
  async fetch(request: Request): Promise<Response> {
    const kept: unknown[] = []
    const loops = request.url.endsWith('/loop')
    for (;;) if (!loops) kept.push(Array.from({ length: 1000 }, (_, index) => ({ index })))
  },
})
