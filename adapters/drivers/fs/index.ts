/** Blobs in files of a local folder, with their metadata and order in an SQLite index. */
export { blob, type FsOptions } from './blob.ts'
