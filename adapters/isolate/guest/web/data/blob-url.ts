import type { Blob } from './blob.ts'
import { randomUuid } from '../random.ts'

/** Blobs by their address, without its fragment. */
const blobs = new Map<string, Blob>()

/** Gives a blob an address. An isolate has no origin, which makes it `null`. */
export function addBlobUrl(blob: Blob): string {
  const url = `blob:null/${randomUuid()}`
  blobs.set(url, blob)
  return url
}

export function removeBlobUrl(url: string): void {
  blobs.delete(url)
}

/** The blob that an address stands for now. */
export function blobOfUrl(url: string): Blob | undefined {
  return blobs.get(url.replace(/#.*$/, ''))
}
