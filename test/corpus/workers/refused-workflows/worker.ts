import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'durable steps with Workflows',
  requests: [],
  refused: `
error: wrangler.jsonc:5, workflows: Workflows run on Cloudflare only. Use a queue or a cron.
`,
})
