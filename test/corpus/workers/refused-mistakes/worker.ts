import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'mistakes of the file itself',
  requests: [],
  refused: `TODO`,
})
