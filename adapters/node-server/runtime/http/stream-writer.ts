import type { ServerResponse } from 'node:http'
import { chunkBytes } from './chunk.ts'
import { keepEvent } from '../events.ts'

/** Bytes up to which chunks of a response body are gathered before they are written. */
const GATHER = 64 * 1024

const NOTHING = new Uint8Array(0)

/** Options of {@link writeStream}, which writes a response's body. */
export interface StreamOptions {
  /**
   * Content-length that the app set on a streamed response, in bytes; used if the head is sent before the
   * stream's end.
   */
  declaredLength: number | undefined
  /** Writes the response's status and headers, with the given content-length. */
  writeHead(length: number | undefined): void
}

/**
 * Writes a stream as the body of an answer. Chunks that arrive in one turn of the event loop are written
 * together at its end; a stream that ends in its first turn is sent with a content-length. Backpressure: the
 * stream is not read while the socket is full. A client that goes away cancels the stream.
 *
 * Rejects with the stream's error; the caller decides what the client is told.
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
  /** Bytes of the body that are gathered in `#chunks`; `#total` counts all bytes of the stream so far. */
  #gathered = 0
  #total = 0
  #headWritten = false
  /** Content-length that was sent before the end of the body's stream, in bytes. */
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
    // Writes the response after the promises of this turn, so that chunks already available are sent together
    // with the head. A stream without a chunk yet still has its head sent.
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
      // An empty write sends the response's head as Latin-1. flushHeaders() would encode it as UTF-8
      // (nodejs/node, _http_outgoing.js), but header values are bytes.
      this.#outgoing.write(NOTHING)
    }
  }

  /**
   * Writes the response's head before the body's end is known, with the content-length that the app declared.
   */
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

  // `keepEvent` is needed here: the connection emits "close", but cancelling the body's stream runs code of
  // the app.
  #onClose = keepEvent((): void => {
    if (this.#ended) return
    this.#settle()
    this.#reader.cancel(new DOMException('The client went away.', 'AbortError')).catch(() => {})
    this.#resolve()
  })

  #settle(): void {
    this.#ended = true
    this.#outgoing.off('close', this.#onClose)
    this.#outgoing.off('drain', this.#onDrain)
  }
}
