import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a Worker in Python',
  requests: [],
  refused: `
error: wrangler.toml:2, main: Python Workers run on Cloudflare only.
`,
})
