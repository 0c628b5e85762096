import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a refusal in an environment of wrangler.toml',
  environment: 'production',
  requests: [],
  refused: `
error: wrangler.toml:8, env.production.workflows: Workflows run on Cloudflare only. Use a queue or a cron.
`,
})
