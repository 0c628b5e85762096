/**
 * `unmoor/cloudflare/native`: types of `env.NAME.native`, the platform's own bindings, from
 * @cloudflare/workers-types. Import it once, anywhere: `import 'unmoor/cloudflare/native'`. On other targets,
 * and for secrets, variables, caches and assets, `native` is undefined.
 */
import type {
  D1Database,
  DurableObjectNamespace,
  Fetcher,
  KVNamespace,
  Queue,
  R2Bucket,
} from '@cloudflare/workers-types'

declare global {
  interface UnmoorNative {
    kv: KVNamespace
    blob: R2Bucket
    sql: D1Database
    queue: Queue
    service: Fetcher
    sockets: DurableObjectNamespace
  }
}
