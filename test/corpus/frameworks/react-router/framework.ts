import { defineFramework } from '../../harness/frameworks/framework.ts'

export default defineFramework({
  packages: ['react-router', '@react-router/dev', '@cloudflare/vite-plugin'],
  build: [['react-router', 'build']],
  requests: [
    { name: 'page', path: '/', contains: 'Hello from the config' },
    { name: 'page with a query', path: '/?name=%3Cb%3E', contains: '&lt;b&gt;' },
    { name: 'data of a page', path: '/_root.data', contains: 'message' },
    { name: 'dynamic page', path: '/posts/first', contains: 'The first post' },
    { name: 'dynamic page of another script', path: '/posts/%C3%BC', contains: 'Umlaut' },
    { name: 'dynamic page that is not there', path: '/posts/none', status: 404, contains: 'No such post' },
    { name: 'asset', path: '/favicon.svg', contains: '<svg' },
    {
      name: 'script',
      path: ({ page }) => /"(\/assets\/entry\.client[^"]+\.js)"/.exec(page?.body ?? '')?.[1] ?? '/no-script',
    },
    {
      name: 'style',
      path: ({ page }) => /"(\/assets\/[^"]+\.css)"/.exec(page?.body ?? '')?.[1] ?? '/no-style',
    },
    { name: 'manifest', path: '/__manifest?paths=%2Fnotes&version=0', status: 204 },
    {
      name: 'form that is not filled in',
      path: '/notes',
      body: new URLSearchParams({ text: '' }),
      status: 422,
      contains: 'text is missing',
    },
    { name: 'form', path: '/notes', body: new URLSearchParams({ text: 'kept & <shown>' }), status: 302 },
    {
      name: 'form sent by script',
      path: '/notes.data',
      body: new URLSearchParams({ text: 'kept & <shown>' }),
      status: 202,
    },
    { name: 'what the form kept', path: '/notes', contains: 'kept &amp; &lt;shown&gt;' },
    { name: 'streamed page', path: '/late', contains: 'came late' },
    {
      name: 'page for a crawler',
      path: '/late',
      headers: { 'user-agent': 'Googlebot/2.1 (+http://www.google.com/bot.html)' },
      contains: 'came late',
    },
    { name: 'redirect', path: '/old', status: 301 },
    { name: 'API', path: '/api/echo?a=1&b=%26', contains: '"b":"&"' },
    { name: 'API with JSON', path: '/api/echo', method: 'PUT', body: { a: ['ü', 1] }, status: 201 },
    { name: 'not found', path: '/nowhere', status: 404 },
  ],
})
