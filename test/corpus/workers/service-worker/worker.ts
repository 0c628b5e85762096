import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'the Service Worker syntax with bindings as globals, keys of wrangler 1, .dev.vars',
  requests: [
    { name: 'page', path: '/', contains: 'Hello worker! visit 1' },
    { name: 'page again', path: '/', until: 'visit 2' },
    { name: 'secret', path: '/secret', contains: '6' },
    { name: 'headers', path: '/headers', headers: { 'x-mine': 'a' }, contains: '["yes","a","object",true]' },
    { name: 'form', path: '/form', body: new URLSearchParams({ a: '1', b: 'ü' }), contains: 'ü' },
    { name: 'redirect', path: '/redirect?to=/x', status: 301 },
    { name: 'error', path: '/throw', status: 500, contains: 'as meant' },
    { name: 'not found', path: '/x', status: 404 },
  ],
})
