import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'screenshots by Browser Rendering',
  requests: [],
  refused: `TODO`,
})
