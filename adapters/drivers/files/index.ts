/** Driver that serves static assets from a folder. */
export { assets } from './assets.ts'
export type { FilesOptions } from './options.ts'
