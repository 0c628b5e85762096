import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'Postgres through Hyperdrive with pg',
  services: ['postgres'],
  hyperdrive: 'HYPERDRIVE',
  requests: [
    { name: 'setup', path: '/setup', method: 'POST', contains: 'ready' },
    { name: 'none', path: '/', contains: '[]' },
    { name: 'add', path: '/', body: { name: 'Ada', born: '1815-12-10' }, status: 201 },
    { name: 'add another', path: '/', body: { name: "O'Brien ü", born: null }, status: 201 },
    { name: 'list', path: '/', contains: "O'Brien ü" },
    { name: 'transaction that fails', path: '/move', method: 'POST', status: 409 },
    { name: 'list after it', path: '/', contains: 'Ada' },
    { name: 'error', path: '/error', status: 500, contains: '42P01' },
    { name: 'not found', path: '/x', status: 404 },
  ],
})
