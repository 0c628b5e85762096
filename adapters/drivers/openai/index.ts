/** Driver that serves Workers AI of existing Workers on a server that speaks OpenAI's protocol. */
export type { OpenaiOptions } from './options.ts'
export { service } from './service.ts'
