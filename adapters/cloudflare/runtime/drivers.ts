/** `unmoor/internal/cloudflare/drivers`: the bindings on Cloudflare's own services. */
export { assets } from './assets.ts'
export { blob } from './blob.ts'
export { cache } from './cache.ts'
export { kv } from './kv.ts'
export { queue } from './queue.ts'
export { service } from './service.ts'
export { sql } from './sql.ts'
export { strongKv, type StrongKvOptions } from './strong-kv.ts'
