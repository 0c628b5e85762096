import process from 'node:process'
import { chunkBytes } from '../../node-server/runtime/http/chunk.ts'

/** Bytes of an answer's body up to which chunks of its first turn are gathered. */
const GATHER = 64 * 1024

/** The body of a Lambda function's streamed answer: a stream from the app, read chunk by chunk. */
export class AnswerBody {
  #reader: ReadableStreamDefaultReader<unknown>
  /** Chunks of the first turn that {@link next} has not returned. */
  #gathered: Uint8Array[] = []
  /** The read that has begun and that {@link next} has not waited for. */
  #reading: Promise<ReadableStreamReadResult<unknown>> | undefined
  #isOpen = false

  private constructor(stream: ReadableStream) {
    this.#reader = stream.getReader()
  }

  /**
   * Opens an answer's body stream. Resolves by the end of this turn of the event loop, with or without
   * chunks. Rejects if the stream has failed by then, or if one of its chunks is not bytes.
   */
  static async open(stream: ReadableStream): Promise<AnswerBody> {
    const body = new AnswerBody(stream)
    try {
      await Promise.race([body.#gather(), turnEnd()])
    } catch (error) {
      body.cancel(error)
      throw error
    }
    body.#isOpen = true
    return body
  }

  /** Reads the chunks of this turn, up to the first 64 KiB or the stream's end. */
  async #gather(): Promise<void> {
    for (let bytes = 0; bytes < GATHER;) {
      this.#reading = this.#reader.read()
      const { done, value } = await this.#reading
      if (done || this.#isOpen) return
      this.#reading = undefined
      const chunk = chunkBytes(value)
      this.#gathered.push(chunk)
      bytes += chunk.byteLength
    }
  }

  /** Returns the next bytes of the answer's body; undefined at the end. Rejects if the stream fails. */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#gathered.length > 0) return Buffer.concat(this.#gathered.splice(0))
    const reading = this.#reading
    this.#reading = undefined
    const { done, value } = await (reading ?? this.#reader.read())
    return done ? undefined : chunkBytes(value)
  }

  /** Cancels the answer's body. Does nothing if the body has ended. */
  cancel(reason?: unknown): void {
    this.#reader.cancel(reason).catch(() => undefined)
  }
}

/** Resolves when the promise callbacks of this turn of the event loop have run. */
function turnEnd(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))
}
