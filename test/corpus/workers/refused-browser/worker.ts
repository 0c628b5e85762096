import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'screenshots by Browser Rendering',
  requests: [],
  refused: `
error: wrangler.jsonc:5, browser: Browser Rendering runs on Cloudflare only. Call its REST API with fetch(), or a browser of your own.
`,
})
