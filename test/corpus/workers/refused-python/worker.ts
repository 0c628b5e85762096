import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a Worker in Python',
  requests: [],
  refused: `TODO`,
})
