import { defineWorker } from '../../harness/workers/worker.ts'

const navigation = { 'sec-fetch-mode': 'navigate' }

export default defineWorker({
  style: 'a single-page application with an API, as the Vite template for React has it',
  requests: [
    { name: 'page', path: '/', contains: '<title>App' },
    { name: 'script', path: '/assets/app.js', contains: 'export' },
    {
      name: 'script not modified',
      path: '/assets/app.js',
      headers: ({ script }) => ({ 'if-none-match': script?.headers['etag'] ?? '' }),
      status: 304,
    },
    { name: 'API', path: '/api/', contains: 'Cloudflare' },
    { name: 'API by another method', path: '/api/x', method: 'DELETE', contains: 'DELETE' },
    { name: 'asset below the API', path: '/api/docs/', contains: 'docs' },
    { name: 'page by its name', path: '/about', contains: 'about' },
    { name: 'page by its file', path: '/about.html', status: 307 },
    {
      name: 'route of the application',
      path: '/settings/profile',
      headers: navigation,
      contains: '<title>App',
    },
    { name: 'the same without a browser', path: '/settings/profile', contains: '<title>App' },
    { name: 'changed asset', path: '/me', contains: '<title>Me' },
    { name: 'redirect', path: '/home', status: 302 },
    { name: 'redirect with a name', path: '/blog/one?a=1', status: 301 },
    { name: 'redirect with the rest', path: '/old/a/b', status: 302 },
    { name: 'POST of an asset', path: '/assets/app.js', method: 'POST', status: 405 },
  ],
})
