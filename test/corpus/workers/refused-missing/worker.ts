import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'a main module that a build of its own has to write first',
  requests: [],
  refused: `
error: wrangler.toml:2, main: there is no file DIR/dist/worker.js. Correct "main", or run the command that builds it first.
`,
})
