import { defineFramework } from '../../harness/frameworks/framework.ts'

export default defineFramework({
  packages: ['nitropack', 'h3'],
  build: [['nitro', 'build']],
  // When the cached answer was made.
  mask: [/\w{3}, \d\d \w{3} \d{4} [\d:]{8} GMT/g],
  requests: [
    { name: 'page', path: '/', contains: 'Hello Ada' },
    { name: 'page with a query', path: '/?name=%C3%BC', contains: 'Hello ü' },
    { name: 'dynamic route', path: '/posts/first', contains: 'The first post' },
    { name: 'dynamic route of another script', path: '/posts/%C3%BC', contains: 'Umlaut' },
    { name: 'dynamic route that is not there', path: '/posts/none', status: 404, contains: 'No such post' },
    { name: 'asset', path: '/robots.txt', contains: 'User-agent' },
    { name: 'asset in a folder', path: '/data/list.json', contains: 'a file' },
    { name: 'form that is not filled in', path: '/notes', body: form({ text: '' }), status: 422 },
    { name: 'form', path: '/notes', body: form({ text: 'kept & <shown>' }), status: 303 },
    { name: 'what the form kept', path: '/notes', contains: 'kept & <shown>' },
    { name: 'API', path: '/api/echo?a=1&b=2&b=3', contains: '"b":["2","3"]' },
    { name: 'API with JSON', path: '/api/echo', body: { a: ['ü', 1] }, contains: 'ü' },
    { name: 'preflight', path: '/api/echo', method: 'OPTIONS', headers: { origin: 'https://a.test' } },
    { name: 'cached', path: '/api/cached', contains: '"made":1' },
    { name: 'cached again', path: '/api/cached', contains: '"made":1' },
    { name: 'stream', path: '/stream', contains: 'one two three' },
    { name: 'rule of routes', path: '/marked/a/b?c=1', contains: 'marked /marked/a/b?c=1' },
    { name: 'redirect', path: '/old', status: 307 },
    { name: 'error', path: '/broken', status: 500 },
    { name: 'not found', path: '/nowhere', status: 404 },
  ],
})

function form(fields: Record<string, string>): FormData {
  const data = new FormData()
  for (const [name, value] of Object.entries(fields)) data.set(name, value)
  return data
}
