import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: "Node's modules with nodejs_compat and a date of today",
  requests: [
    ...['hash', 'als', 'events', 'stream', 'util', 'path', 'query', 'buffer', 'process', 'assert'].map(
      (name) => ({ name, path: `/${name}` }),
    ),
    { name: 'not found', path: '/x', status: 404 },
  ],
})
