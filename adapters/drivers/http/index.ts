/** Another app over HTTP. */
export { type HttpOptions, service } from './service.ts'
