import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'streams: events, CSV, compression, digests, tee',
  upstream: () => new Response('0123456789'.repeat(50_000), { headers: { 'content-type': 'text/plain' } }),
  requests: [
    { name: 'upper', path: '/upper', body: 'hello ü', contains: 'HELLO Ü' },
    { name: 'csv', path: '/csv', body: 'a,b\n1,2\nü,€', contains: '["ü","€"]' },
    { name: 'events', path: '/sse', contains: 'data: {"id":3}' },
    { name: 'fixed length', path: '/fixed', contains: 'hello world' },
    { name: 'gzip', path: '/gzip', contains: '5000' },
    {
      name: 'answer with a label',
      path: '/labelled',
      headers: { 'accept-encoding': 'gzip' },
      contains: 'yyy',
    },
    {
      name: 'answer encoded by hand',
      path: '/manual',
      headers: { 'accept-encoding': 'gzip' },
      contains: 'by hand',
    },
    { name: 'tee', path: '/tee', contains: '500000' },
    { name: 'through', path: '/through', contains: '0123456789' },
    { name: 'digest', path: '/digest', body: 'abc', contains: '186' },
    { name: 'not found', path: '/', status: 404 },
  ],
})
