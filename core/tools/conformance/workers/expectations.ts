import type { Expectations } from '../expectations/expectations.ts'

/**
 * Known failures of the Workers cases by target, each with its reason. Where Cloudflare's documentation and
 * its simulator disagree, the case follows the documentation and the simulator fails here.
 */
export const WORKER_EXPECTATIONS: Readonly<Record<string, Expectations>> = {
  cloudflare: {
    'workers-kv-43':
      'miniflare stores what came before the stream failed, though the put rejects; the documents ' +
      '(kv/api/write-key-value-pairs) have it resolve where the update is successful',
    'workers-queue-09':
      'miniflare delivers a message again that was acked before the handler threw; the documents say ' +
      'that an acked message is not',
    'workers-build-03':
      'wrangler refuses it at deploy (workers/static-assets/binding/#ignoring-assets); wrangler dev, which ' +
      'runs here, serves it',
    'workers-build-409':
      'wrangler pages deploy leaves these files out (its list is _worker.js, _redirects, _headers, ' +
      '_routes.json, functions, node_modules); wrangler pages dev, which runs here, serves some and has a ' +
      '502 for others',
    'workers-build-421':
      'wrangler pages deploy leaves out the whole folder _worker.js; wrangler pages dev, which runs here, ' +
      'serves the files in it',
    'workers-build-465':
      'wrangler deploy leaves out what begins with a dot and every folder node_modules of a bucket; wrangler ' +
      'dev, which runs here, lists or serves them',
  },
  node: {},
  isolate: {},
  lambda: {},
}
