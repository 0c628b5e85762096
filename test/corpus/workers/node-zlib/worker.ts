import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: "compression by Node's zlib, which an isolate does not have",
  refusedOn: { isolate: 'src/index.js:2:18 imports "node:zlib"' },
  requests: [
    ...['gzip', 'deflate', 'deflateRaw', 'brotliCompress'].map((name) => ({
      name,
      path: `/${name}`,
      body: 'ü'.repeat(1000),
      contains: '{"smaller":true,"same":true}',
    })),
    { name: 'not found', path: '/', status: 404 },
  ],
})
