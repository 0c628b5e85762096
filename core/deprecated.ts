/** Old names of types, for one release. */
import type { BlobPutOptions, BlobStore } from './bindings/blob.ts'

/** @deprecated Since 0.2: `BlobStore`. */
export type Blobs = BlobStore

/** @deprecated Since 0.2: `BlobPutOptions`. */
export type BlobPut = BlobPutOptions
