import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'mistakes of the file itself',
  requests: [],
  refused: `
error: The app cannot be built, for 4 reasons:
  wrangler.jsonc:5, kv_namespaces[0].id: it must be a text.
  wrangler.jsonc:6, r2_buckets[0].binding: it must be a text that is not empty.
  wrangler.jsonc:7, triggers.crons[0]: schedule "61 * * * *": the minute "61" is not from 0 to 59.
  The Worker has Durable Objects (Nowhere), which need one process that stays: the target "lambda" has none. Build for node or isolate, or keep the state in D1.
`,
})
