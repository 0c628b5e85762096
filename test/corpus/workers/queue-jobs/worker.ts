import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'jobs in a queue with retries and a dead letter queue',
  requests: [
    { name: 'send', path: '/jobs', body: [{ id: 'a', kind: 'sum', numbers: [1, 2, 3] }], status: 202 },
    { name: 'result', path: '/results/a', until: '"sum":6', contains: '"attempts":1' },
    {
      name: 'send some',
      path: '/jobs',
      body: [
        { id: 'b', kind: 'sum', numbers: [4] },
        { id: 'c', kind: 'flaky', numbers: [5] },
        { id: 'd', kind: 'fail' },
      ],
      status: 202,
    },
    { name: 'result of one', path: '/results/b', until: '"sum":4' },
    { name: 'result of a second try', path: '/results/c', until: '"sum":5', contains: '"attempts":2' },
    { name: 'result of one that fails', path: '/results/d', until: 'dead', contains: 'dead after 1' },
    { name: 'no result', path: '/results/x', status: 404 },
  ],
})
