/** Blobs in files of a local folder, with their metadata and order in an SQLite index. */
export { blob } from './blob.ts'
export type { FsOptions } from './options.ts'
