import process from 'node:process'
import { chunkBytes } from '../../node-server/runtime/http/chunk.ts'

/** The body of a Lambda function's streamed answer: a stream from the app, read chunk by chunk. */
export class AnswerBody {
  #reader: ReadableStreamDefaultReader<unknown>
  #first: Promise<ReadableStreamReadResult<unknown>> | undefined

  private constructor(stream: ReadableStream) {
    this.#reader = stream.getReader()
    this.#first = this.#reader.read()
  }

  /**
   * Opens an answer's body stream. Resolves by the end of this turn of the event loop, with or without a
   * first chunk. Rejects if the stream has failed by then, or if the first chunk is not bytes.
   */
  static async open(stream: ReadableStream): Promise<AnswerBody> {
    const body = new AnswerBody(stream)
    const first = body.#first?.then(({ value, done }) => void (done || chunkBytes(value)))
    try {
      await Promise.race([first, turnEnd()])
    } catch (error) {
      body.cancel(error)
      throw error
    }
    return body
  }

  /** Returns the next bytes of the answer's body; undefined at the end. Rejects if the stream fails. */
  async next(): Promise<Uint8Array | undefined> {
    const first = this.#first
    this.#first = undefined
    const { done, value } = await (first ?? this.#reader.read())
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
