/** CompressionStream and DecompressionStream that a Worker may write to before anybody reads. */

/**
 * Bytes of unread compressed output after which writes to a compression stream wait; workerd has no such
 * bound.
 */
const WAITING = 4 * 1024 * 1024

/**
 * Replaces the compression streams by buffering ones, whose writes complete before the output is read, as on
 * workerd. The web's own streams wait for a reader.
 */
export function bufferCompression(): void {
  for (const name of ['CompressionStream', 'DecompressionStream'] as const) {
    const Own: typeof CompressionStream = globalThis[name]
    const Buffered = class extends Own {
      readonly #readable: ReadableStream<Uint8Array<ArrayBuffer>>

      constructor(format: CompressionFormat) {
        super(format)
        this.#readable = super.readable.pipeThrough(
          new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({}, undefined, {
            highWaterMark: WAITING,
            size: (chunk) => chunk.byteLength,
          }),
        )
      }

      override get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
        return this.#readable
      }
    }
    Object.defineProperty(Buffered, 'name', { value: name })
    Object.defineProperty(globalThis, name, { value: Buffered, writable: true, configurable: true })
  }
}
