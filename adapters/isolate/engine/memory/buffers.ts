import type { Primordials } from './primordials.ts'

/**
 * Creates functions that read buffers correctly whatever a tenant has done to their prototypes.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestBuffers(primordials: Primordials) {
  const { Uint8Array, apply, setBytes, isView, viewTag, typedBuffer, typedOffset, typedBytes } = primordials
  const { dataBuffer, dataOffset, dataBytes, bufferBytes, sharedBytes } = primordials
  const lengthOr = (read: ((self: unknown) => number) | undefined, buffer: unknown): number | undefined => {
    try {
      return read?.(buffer)
    } catch {
      return undefined
    }
  }
  /** Returns the length in bytes of an ArrayBuffer or a SharedArrayBuffer; undefined for any other value. */
  const lengthOf = (buffer: unknown): number | undefined =>
    lengthOr(bufferBytes, buffer) ?? lengthOr(sharedBytes, buffer)
  const viewOf = (source: unknown): Uint8Array | undefined => {
    if (!isView(source))
      return lengthOf(source) === undefined ? undefined : new Uint8Array(source as ArrayBuffer)
    if (apply(viewTag, source, []) !== undefined)
      return new Uint8Array(typedBuffer(source), typedOffset(source), typedBytes(source))
    return new Uint8Array(dataBuffer(source), dataOffset(source), dataBytes(source))
  }
  return {
    lengthOf,
    /** Returns a copy of the bytes of a BufferSource; undefined for any other value. */
    copyOf(source: unknown): Uint8Array<ArrayBuffer> | undefined {
      const view = viewOf(source)
      if (view === undefined) return undefined
      const copy = new Uint8Array(typedBytes(view))
      setBytes(copy, view)
      return copy
    },
  }
}

export type Buffers = ReturnType<typeof guestBuffers>
