import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'Drizzle over D1 with relations and batches',
  requests: [
    { name: 'setup', path: '/setup', contains: 'ready' },
    { name: 'insert', path: '/insert', contains: '"admin":true' },
    { name: 'relations', path: '/relations', contains: '"tags":["a"]' },
    { name: 'join', path: '/join', contains: 'Two' },
    { name: 'count', path: '/count', contains: '"n":3' },
    { name: 'update', path: '/update', contains: '"changes":1' },
    { name: 'delete', path: '/delete', contains: 'Cy' },
    { name: 'bad', path: '/bad', status: 400, contains: 'true' },
    { name: 'not found', path: '/', status: 404 },
  ],
})
