/** Deprecated type names, kept for one release. */
import type { BlobPutOptions, BlobStore } from './bindings/blob.ts'

/** Old name of the blob binding's type. @deprecated Since 0.2: use `BlobStore`. */
export type Blobs = BlobStore

/** Old name of the options of a blob's `put`. @deprecated Since 0.2: use `BlobPutOptions`. */
export type BlobPut = BlobPutOptions
