import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'entrypoints called over RPC through service bindings, with props, targets and callbacks',
  requests: [
    { name: 'method', path: '/user?id=7', contains: 'user 7' },
    { name: 'method that throws', path: '/user?id=101', status: 500 },
    { name: 'props', path: '/admin', contains: 'admin' },
    { name: 'target', path: '/cart', contains: '"total":5' },
    { name: 'call on a promise', path: '/pipelined', contains: '1' },
    { name: 'targets within data', path: '/nested', contains: '[[1,2],1,7,42]' },
    { name: 'properties of a promise', path: '/deep', contains: '[[1,2],0]' },
    { name: 'property', path: '/property', contains: '[7,' },
    { name: 'facts', path: '/probe', contains: 'no user 101' },
    { name: 'stream', path: '/stream', contains: 'a-b-ü' },
    { name: 'fetch', path: '/fetch', contains: 'users: PUT /some/path body' },
    { name: 'the Worker itself', path: '/self', contains: 'admin' },
    { name: 'module env', path: '/env', contains: 'function' },
    { name: 'not found', path: '/x', status: 404 },
  ],
})
