import { defineFramework } from '../../harness/frameworks/framework.ts'

export default defineFramework({
  packages: ['astro', '@astrojs/cloudflare'],
  build: [['astro', 'build']],
  // The session's id.
  mask: [/(?<=astro-session=)[^;]+/g],
  requests: [
    { name: 'page', path: '/', contains: 'Hello Ada' },
    { name: 'page with a query', path: '/?name=Gr%C3%BCn%20%3Cb%3E', contains: 'Hello Grün &lt;b&gt;' },
    { name: 'page made at build time', path: '/about/', contains: 'Made at build time' },
    { name: 'its folder without a slash', path: '/about', status: 307 },
    { name: 'dynamic page', path: '/posts/first', contains: 'The first post' },
    { name: 'dynamic page of another script', path: '/posts/%C3%BC', contains: 'Umlaut' },
    { name: 'dynamic page that is not there', path: '/posts/none', status: 404 },
    { name: 'asset', path: '/favicon.svg', contains: '<svg' },
    {
      name: 'style',
      path: ({ page }) => /href="(\/_astro\/[^"]+\.css)"/.exec(page?.body ?? '')?.[1] ?? '/no-style',
    },
    {
      name: 'form',
      path: '/notes',
      body: new URLSearchParams({ note: 'kept & <shown>' }),
      headers: { origin: '{origin}' },
      status: 303,
    },
    { name: 'what the form kept', path: '/notes', contains: 'kept &amp; &lt;shown&gt;' },
    {
      name: 'form of another site',
      path: '/notes',
      body: new URLSearchParams({ note: 'theirs' }),
      headers: { origin: 'https://elsewhere.test' },
      status: 403,
    },
    { name: 'redirect', path: '/old', status: 301 },
    { name: 'session', path: '/session', contains: 'count 1' },
    {
      name: 'session again',
      path: '/session',
      headers: ({ session }) => ({ cookie: (session?.headers['set-cookie'] ?? '').split(';')[0] ?? '' }),
      contains: 'count 2',
    },
    { name: 'API', path: '/api/echo.json?a=1&b=%26', headers: { accept: 'application/json' } },
    { name: 'API with JSON', path: '/api/echo.json', body: { a: ['ü', 1] }, status: 201 },
    { name: 'middleware', path: '/blocked', status: 403, contains: 'blocked' },
    { name: 'not found', path: '/nowhere', status: 404, contains: 'Not found' },
    { name: "the server's own code", path: '/_worker.js/index.js', status: 404 },
  ],
})
