import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'search by vectors',
  requests: [],
  refused: `TODO`,
})
