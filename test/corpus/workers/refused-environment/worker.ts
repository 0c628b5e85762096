import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a refusal in an environment of wrangler.toml',
  environment: 'production',
  requests: [],
  refused: `TODO`,
})
