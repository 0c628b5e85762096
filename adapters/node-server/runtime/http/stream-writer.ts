import type { ServerResponse } from 'node:http'
import { chunkBytes } from './chunk.ts'

/** Chunks are gathered up to this many bytes before they are written. */
const GATHER = 64 * 1024

const NOTHING = new Uint8Array(0)

/** What {@link writeStream} is told. */
export interface StreamOptions {
  /** Bytes that the app's own content-length promises; counts where the head goes out before the end. */
  declaredLength: number | undefined
  /** Writes status and headers, with that content-length. */
  writeHead(length: number | undefined): void
}

/**
 * Writes a stream. Chunks that are there in the same turn of the event loop go out together, at its end; a
 * stream that ends in its first turn gets a content-length. Back-pressure: nothing more is read while the
 * socket is full. A client that goes away cancels the stream.
 *
 * Rejects with what the stream throws; what to tell the client is then the caller's matter.
 */
export function writeStream(
  outgoing: ServerResponse,
  stream: ReadableStream<Uint8Array>,
  options: StreamOptions,
): Promise<void> {
  return new Promise((resolve, reject) =>
    new StreamWriter(outgoing, stream.getReader(), options, resolve, reject).start(),
  )
}

class StreamWriter {
  #outgoing: ServerResponse
  #reader: ReadableStreamDefaultReader<Uint8Array>
  #options: StreamOptions
  #resolve: () => void
  #reject: (error: unknown) => void
  #chunks: Uint8Array[] = []
  /** Bytes in `#chunks`, and all so far. */
  #gathered = 0
  #total = 0
  #headWritten = false
  /** The content-length that went out while the body was not at its end. */
  #promised: number | undefined
  #flushScheduled = true
  #blocked = false
  #waiting = false
  #ended = false

  constructor(
    outgoing: ServerResponse,
    reader: ReadableStreamDefaultReader<Uint8Array>,
    options: StreamOptions,
    resolve: () => void,
    reject: (error: unknown) => void,
  ) {
    this.#outgoing = outgoing
    this.#reader = reader
    this.#options = options
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    this.#outgoing.once('close', this.#onClose)
    this.#read()
    // After the promises of this turn: what they bring goes out with the head, and a stream that has nothing
    // yet still gets its head out.
    queueMicrotask(() => process.nextTick(this.#onTurnEnd))
  }

  #read(): void {
    this.#reader.read().then(this.#onResult, this.#onError)
  }

  #onResult = ({ done, value }: ReadableStreamReadResult<Uint8Array>): void => {
    if (this.#ended) return
    if (done) this.#finish()
    else {
      const bytes = this.#toBytes(value)
      if (bytes === undefined) return
      this.#chunks.push(bytes)
      this.#gathered += bytes.byteLength
      this.#total += bytes.byteLength
      const promised = this.#promised
      if (promised !== undefined && this.#total > promised) {
        this.#onError(new TypeError(`A response body has more bytes than its content-length of ${promised}.`))
      } else if (this.#blocked) this.#waiting = true
      else {
        if (this.#gathered >= GATHER) this.#flush()
        else if (!this.#flushScheduled) {
          this.#flushScheduled = true
          process.nextTick(this.#onTurnEnd)
        }
        if (this.#blocked) this.#waiting = true
        else this.#read()
      }
    }
  }

  #toBytes(chunk: unknown): Uint8Array | undefined {
    try {
      return chunkBytes(chunk)
    } catch (error) {
      this.#onError(error)
      return undefined
    }
  }

  #onTurnEnd = (): void => {
    this.#flushScheduled = false
    if (this.#ended || this.#blocked) return
    if (this.#gathered > 0) this.#flush()
    else if (!this.#headWritten) {
      this.#beginHead()
      // Not flushHeaders(): node would write the head as UTF-8 (nodejs/node, _http_outgoing.js), whose header
      // values are bytes. With an empty chunk it writes them as Latin-1.
      this.#outgoing.write(NOTHING)
    }
  }

  /** The head, before the end of the body is known: what the app promises holds from here on. */
  #beginHead(): void {
    const { declaredLength } = this.#options
    if (declaredLength !== undefined && declaredLength >= this.#total) this.#promised = declaredLength
    this.#writeHead(this.#promised)
  }

  #writeHead(length: number | undefined): void {
    this.#headWritten = true
    this.#options.writeHead(length)
  }

  #flush(): void {
    try {
      if (!this.#headWritten) this.#beginHead()
      if (!this.#outgoing.write(this.#takeGathered())) {
        this.#blocked = true
        this.#outgoing.once('drain', this.#onDrain)
      }
    } catch (error) {
      this.#onError(error)
    }
  }

  #takeGathered(): Uint8Array {
    const { length } = this.#chunks
    const bytes = length === 1 ? (this.#chunks[0] as Uint8Array) : Buffer.concat(this.#chunks, this.#gathered)
    this.#chunks = []
    this.#gathered = 0
    return bytes
  }

  #onDrain = (): void => {
    this.#blocked = false
    if (this.#ended) return
    if (this.#gathered > 0) this.#flush()
    if (this.#waiting && !this.#blocked) {
      this.#waiting = false
      this.#read()
    }
  }

  #finish(): void {
    const promised = this.#promised
    if (promised !== undefined && this.#total < promised) {
      this.#onError(
        new TypeError(
          `A response body ended after ${this.#total} bytes, before its content-length of ${promised}.`,
        ),
      )
      return
    }
    try {
      if (!this.#headWritten) this.#writeHead(this.#total)
      this.#settle()
      if (this.#gathered > 0) this.#outgoing.end(this.#takeGathered())
      else this.#outgoing.end()
      this.#resolve()
    } catch (error) {
      this.#settle()
      this.#reject(error)
    }
  }

  #onError = (reason: unknown): void => {
    if (this.#ended) return
    this.#settle()
    this.#reader.cancel(reason).catch(() => {})
    this.#reject(reason)
  }

  #onClose = (): void => {
    if (this.#ended) return
    this.#settle()
    this.#reader.cancel(new DOMException('The client went away.', 'AbortError')).catch(() => {})
    this.#resolve()
  }

  #settle(): void {
    this.#ended = true
    this.#outgoing.off('close', this.#onClose)
    this.#outgoing.off('drain', this.#onDrain)
  }
}
