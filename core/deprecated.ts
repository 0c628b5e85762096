/** Deprecated type names, kept for one release. */
import type { BlobPutOptions, BlobStore } from './bindings/blob.ts'

/** @deprecated Since 0.2: use `BlobStore`. */
export type Blobs = BlobStore

/** @deprecated Since 0.2: use `BlobPutOptions`. */
export type BlobPut = BlobPutOptions
