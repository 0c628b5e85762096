import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'search by vectors',
  requests: [],
  refused: `
error: wrangler.jsonc:5, vectorize: Vectorize runs on Cloudflare only. Use pgvector through hyperdrive, or the REST API of a vector store.
`,
})
