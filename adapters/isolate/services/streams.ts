import { isStream } from '../../../core/bindings/bytes.ts'

type Bytes = Uint8Array<ArrayBuffer>
type Send = (...message: [string, ...unknown[]]) => void

/** Converts what an isolate's code sends in place of an error, a name and a message, to an Error. */
export function guestError(data: unknown, fallback: string): Error {
  const { name, message } =
    typeof data === 'object' && data !== null ? (data as { name?: unknown; message?: unknown }) : {}
  const error = new Error(typeof message === 'string' ? message : fallback)
  if (typeof name === 'string') error.name = name
  return error
}

/** Returns bytes in a buffer of their own, because a view crosses the bridge with its whole buffer. */
export function ownBytes(bytes: Uint8Array): Bytes {
  return bytes.byteLength === bytes.buffer.byteLength && bytes.constructor === Uint8Array
    ? (bytes as Bytes)
    : new Uint8Array(bytes)
}

/** The streams of one isolate that cross the bridge; `guest/web/bridge/streams.ts` is their other end. */
export class StreamTable {
  #send: Send
  #writing = new Map<number, ReadableStreamDefaultReader<Uint8Array>>()
  #reading = new Map<number, ReadableStreamDefaultController<Bytes>>()
  #pulls = new Map<number, () => void>()
  #nextStream = 2
  #broken: Error | undefined

  constructor(send: Send) {
    this.#send = send
  }

  /** Lets the isolate's code read `stream`. Returns the id of the stream, to be sent to the guest. */
  toGuest(stream: ReadableStream<Uint8Array>): number {
    const id = this.#nextStream
    this.#nextStream += 2
    this.#writing.set(id, stream.getReader())
    return id
  }

  /**
   * Returns the stream of that id that the isolate's code writes.
   *
   * @throws TypeError for an id that is no number, or whose stream is being read.
   */
  fromGuest(id: unknown): ReadableStream<Bytes> {
    if (typeof id !== 'number') throw new TypeError('A stream has a number')
    // The guest must not open a second stream with the same id: the reader of the first one would wait for
    // the next chunk for ever.
    if (this.#reading.has(id)) throw new TypeError(`The stream ${id} is being read already`)
    return new ReadableStream<Bytes>(
      {
        start: (controller) => {
          if (this.#broken !== undefined) controller.error(this.#broken)
          else this.#reading.set(id, controller)
        },
        pull: () =>
          new Promise<void>((resolve) => {
            this.#pulls.set(id, resolve)
            this.#send('pull', id)
          }),
        cancel: (reason) => {
          this.#forget(id)
          this.#send('cancel', id, describe(reason))
        },
      },
      { highWaterMark: 0 },
    )
  }

  /** Forgets a stream to the isolate that nobody will read any more. */
  drop(id: number): void {
    this.#writing.delete(id)
  }

  /**
   * Handles a message of the isolate's code about a stream. Returns false if the message is about something
   * else.
   */
  handle(operation: string, id: unknown, data: unknown): boolean {
    if (typeof id !== 'number') return false
    switch (operation) {
      case 'pull':
        void this.#write(id)
        return true
      case 'cancel':
        this.#writing
          .get(id)
          ?.cancel(data === undefined ? undefined : guestError(data, 'cancelled'))
          .catch(() => {})
        this.#writing.delete(id)
        return true
      case 'chunk': {
        const controller = this.#reading.get(id)
        if (!(data instanceof Uint8Array))
          this.#fail(id, new TypeError('A chunk of the guest is no Uint8Array'))
        else controller?.enqueue(data as Bytes)
        this.#pulled(id)
        return true
      }
      case 'end':
        this.#reading.get(id)?.close()
        this.#forget(id)
        return true
      case 'fail':
        this.#fail(id, guestError(data, 'The stream broke in the isolate'))
        return true
    }
    return false
  }

  /**
   * Ends all streams of the isolate, because the isolate has ended: streams from the guest fail, streams to
   * the guest are cancelled.
   */
  break(error: Error): void {
    this.#broken = error
    for (const id of Array.from(this.#reading.keys())) this.#fail(id, error)
    for (const reader of this.#writing.values()) void cancel(reader, error)
    this.#writing.clear()
  }

  #fail(id: number, error: Error): void {
    this.#reading.get(id)?.error(error)
    this.#forget(id)
  }

  #forget(id: number): void {
    this.#reading.delete(id)
    this.#pulled(id)
  }

  #pulled(id: number): void {
    this.#pulls.get(id)?.()
    this.#pulls.delete(id)
  }

  async #write(id: number): Promise<void> {
    const reader = this.#writing.get(id)
    if (reader === undefined) return
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done) {
          this.#writing.delete(id)
          this.#send('end', id)
          return
        }
        if (!(value instanceof Uint8Array)) throw new TypeError('A stream gave no bytes')
        if (value.byteLength === 0) continue
        this.#send('chunk', id, ownBytes(value))
        return
      }
    } catch (error) {
      this.#writing.delete(id)
      this.#send('fail', id, describe(error))
    }
  }
}

async function cancel(reader: ReadableStreamDefaultReader<Uint8Array>, error: unknown): Promise<void> {
  await reader.cancel(error).catch(() => {})
}

/** Returns the name and message of an error, which the guest may see; it must not see the stack. */
export function describe(error: unknown): { name: string; message: string } {
  return error instanceof Error || error instanceof DOMException
    ? { name: error.name, message: error.message }
    : { name: 'Error', message: String(error) }
}

export { isStream }
