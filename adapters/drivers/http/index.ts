/** Service bindings that call another app over HTTP. */
export type { HttpOptions } from './options.ts'
export { service } from './service.ts'
