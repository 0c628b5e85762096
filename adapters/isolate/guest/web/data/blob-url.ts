import type { Blob } from './blob.ts'
import { randomUuid } from '../random.ts'

/** Blobs by their `blob:` URL without its fragment. */
const blobs = new Map<string, Blob>()

/** Creates a `blob:` URL for a blob. An isolate has no origin, so the URL's origin is `null`. */
export function addBlobUrl(blob: Blob): string {
  const url = `blob:null/${randomUuid()}`
  blobs.set(url, blob)
  return url
}

export function removeBlobUrl(url: string): void {
  blobs.delete(url)
}

/** Returns the blob that a `blob:` URL names now. */
export function blobOfUrl(url: string): Blob | undefined {
  return blobs.get(url.replace(/#.*$/, ''))
}
