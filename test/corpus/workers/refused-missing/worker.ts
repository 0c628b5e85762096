import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a main module that a build of its own has to write first',
  requests: [],
  refused: `TODO`,
})
