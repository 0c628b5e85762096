import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'nodejs_compat with a date before its second version: node: imports, no globals',
  requests: [
    { name: 'storage', path: '/id', headers: { 'x-id': '7' }, contains: '7' },
    { name: 'storage of another', path: '/id', contains: 'none' },
    { name: 'agent', path: '/agent', contains: 'Cloudflare-Workers' },
    { name: 'base64', path: '/base64', body: 'ü!', contains: 'w7wh' },
    { name: 'sha', path: '/sha' },
    { name: 'events', path: '/events', contains: '[1,2]' },
    { name: 'format', path: '/format' },
    { name: 'not found', path: '/', status: 404 },
  ],
})
