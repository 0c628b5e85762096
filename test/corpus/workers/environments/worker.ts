import { defineWorker } from '../../harness/workers/worker.ts'

export default defineWorker({
  style: 'one Worker with environments, define and alias in wrangler.toml',
  environment: 'staging',
  requests: [
    { name: 'vars', path: '/vars', contains: '"STAGE":"staging"' },
    { name: 'secret', path: '/secret', contains: 'of-staging' },
    { name: 'kv', path: '/kv', contains: '["1",null]' },
    { name: 'define', path: '/define', contains: 'toml of staging' },
    { name: 'alias', path: '/alias', contains: 'shim of x' },
    { name: 'not found', path: '/', status: 404, contains: 'staging' },
  ],
})
