/** Static assets from a folder. */
export { assets, type FilesOptions } from './assets.ts'
