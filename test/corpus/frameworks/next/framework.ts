import { defineFramework } from '../../harness/frameworks/framework.ts'

export default defineFramework({
  packages: ['next', '@opennextjs/cloudflare'],
  build: [['opennextjs-cloudflare', 'build']],
  requests: [
    { name: 'page', path: '/', contains: 'Ada' },
    { name: 'page with a query', path: '/?name=%3Cb%3E%C3%BC', contains: '&lt;b&gt;ü' },
    { name: 'data of a page', path: '/visits', headers: { rsc: '1' }, contains: 'visit ' },
    {
      name: 'page with a cookie',
      path: '/visits',
      headers: { cookie: 'visits=4', 'x-agent': 'Eve' },
      contains: 'Eve',
    },
    { name: 'page made at build time', path: '/about', contains: 'Made at build time' },
    { name: 'dynamic page', path: '/posts/first', contains: 'The first post' },
    { name: 'dynamic page of another script', path: '/posts/%C3%BC', contains: 'Umlaut' },
    {
      name: 'dynamic page that is not there',
      path: '/posts/none',
      status: 404,
      contains: 'No such page here',
    },
    { name: 'rewrite', path: '/news/first', contains: 'The first post' },
    { name: 'redirect', path: '/old', status: 308 },
    { name: 'streamed page', path: '/slow', contains: 'came late' },
    { name: 'asset', path: '/robots.txt', contains: 'User-agent' },
    {
      name: 'script',
      path: ({ page }) => /(\/_next\/static\/[^"'\s]+\.js)/.exec(page?.body ?? '')?.[1] ?? '/no-script',
    },
    {
      name: 'form that is not filled in',
      path: '/api/notes',
      body: new URLSearchParams({ text: '' }),
      status: 422,
    },
    { name: 'form', path: '/api/notes', body: new URLSearchParams({ text: 'kept & ü' }), status: 303 },
    { name: 'what the form kept', path: '/notes', contains: 'kept &amp; ü' },
    { name: 'API', path: '/api/echo?a=1&b=%26', contains: '"b":"&"' },
    { name: 'API with JSON', path: '/api/echo', body: { a: ['ü', 1] }, status: 201, contains: 'ü' },
    { name: 'API with another method', path: '/api/echo', method: 'DELETE', status: 405 },
    { name: 'stream', path: '/api/stream', contains: 'one two three' },
    { name: 'error', path: '/broken', status: 500 },
    { name: 'not found', path: '/nowhere', status: 404, contains: 'No such page here' },
  ],
})
