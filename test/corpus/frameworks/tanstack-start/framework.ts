import { defineFramework } from '../../harness/frameworks/framework.ts'

export default defineFramework({
  packages: ['@tanstack/react-start', '@cloudflare/vite-plugin'],
  build: [['vite', 'build']],
  // When a loader ran, in the data that the page hydrates from.
  mask: [/\b1[78]\d{11}\b/g],
  requests: [
    { name: 'page', path: '/', contains: 'Hello' },
    { name: 'dynamic page', path: '/posts/first', contains: 'The first post' },
    { name: 'dynamic page of another script', path: '/posts/%C3%BC', contains: 'Umlaut' },
    { name: 'dynamic page that is not there', path: '/posts/none', status: 404, contains: 'No such post' },
    { name: 'asset', path: '/favicon.svg', contains: '<svg' },
    {
      name: 'script',
      path: ({ page }) => /(\/assets\/[^"'\s]+\.js)/.exec(page?.body ?? '')?.[1] ?? '/no-script',
    },
    { name: 'streamed page', path: '/late', contains: 'came late' },
    { name: 'redirect', path: '/old', status: 301 },
    { name: 'form that is not filled in', path: '/api/notes', body: new URLSearchParams(), status: 422 },
    { name: 'form', path: '/api/notes', body: new URLSearchParams({ text: 'kept & ü' }), status: 303 },
    { name: 'what the form kept', path: '/api/notes', contains: 'kept & ü' },
    { name: 'API with JSON', path: '/api/notes', method: 'PUT', body: { a: ['ü', 1] }, status: 201 },
    { name: 'not found', path: '/nowhere', status: 404 },
  ],
})
