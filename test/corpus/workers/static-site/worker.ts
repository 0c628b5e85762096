import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a static site without any code',
  requests: [
    { name: 'home', path: '/', contains: 'home' },
    { name: 'home by its file', path: '/index.html', status: 307 },
    { name: 'folder', path: '/docs/', contains: 'docs' },
    { name: 'folder without a slash', path: '/docs', status: 307 },
    { name: 'page', path: '/docs/page', contains: 'a page' },
    { name: 'page with a slash', path: '/docs/page/', status: 307 },
    { name: 'file with a blank in its name', path: '/data/a%20b.json', contains: '"a": 1' },
    { name: 'not found', path: '/nope', status: 404, contains: 'not here' },
    { name: 'not found below', path: '/docs/nope/deep', status: 404, contains: 'not in docs' },
    { name: 'ignored folder', path: '/drafts/plan.md', status: 404 },
    { name: 'ignored map', path: '/app.js.map', status: 404 },
    { name: 'rules', path: '/_headers', status: 404 },
    { name: 'HEAD', path: '/', method: 'HEAD' },
    { name: 'POST', path: '/', method: 'POST', status: 405 },
  ],
})
