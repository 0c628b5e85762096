import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'rooms and rate limiters in Durable Objects, old and new API, wrangler.toml',
  refusedOn: { lambda: 'which need one process that stays' },
  requests: [
    { name: 'no room', path: '/', status: 404 },
    { name: 'say', path: '/room/a', body: { author: 'Ada', body: 'hello' }, status: 201 },
    { name: 'say more', path: '/room/a', body: { body: 'ü "quoted"' }, status: 201 },
    { name: 'say nothing', path: '/room/a', body: { body: '' }, status: 400 },
    { name: 'history', path: '/room/a', contains: 'hello' },
    { name: 'later history', path: '/room/a?after=1', contains: 'quoted' },
    { name: 'another room', path: '/room/b', contains: '"rows":[]' },
    { name: 'fetch of an object', path: '/room/a/page', contains: 'Ada: hello' },
    ...[1, 2, 3].map((n) => ({ name: `limit ${n}`, path: '/limit/x' })),
    { name: 'limit 4', path: '/limit/x', status: 429 },
    { name: 'limit of another', path: '/limit/y' },
  ],
})
