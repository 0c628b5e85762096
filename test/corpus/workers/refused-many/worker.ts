import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'several things that only Cloudflare has, all told at once',
  requests: [],
  refused: `TODO`,
})
