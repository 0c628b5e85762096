import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'durable steps with Workflows',
  requests: [],
  refused: `TODO`,
})
