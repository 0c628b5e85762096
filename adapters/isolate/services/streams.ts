import { isStream } from '../../../core/bindings/bytes.ts'

type Bytes = Uint8Array<ArrayBuffer>
type Send = (...message: [string, ...unknown[]]) => void

/** What the guest may say in place of an error: a name and a message. */
export function guestError(data: unknown, fallback: string): Error {
  const { name, message } =
    typeof data === 'object' && data !== null ? (data as { name?: unknown; message?: unknown }) : {}
  const error = new Error(typeof message === 'string' ? message : fallback)
  if (typeof name === 'string') error.name = name
  return error
}

/** Bytes in a buffer of their own: what crosses the bridge is a view's whole buffer. */
export function ownBytes(bytes: Uint8Array): Bytes {
  return bytes.byteLength === bytes.buffer.byteLength && bytes.constructor === Uint8Array
    ? (bytes as Bytes)
    : new Uint8Array(bytes)
}

/** The host's end of `guest/web/bridge-streams.ts`, for one isolate. */
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

  /** Lets the guest read `stream`; returns the id to send along. */
  toGuest(stream: ReadableStream<Uint8Array>): number {
    const id = this.#nextStream
    this.#nextStream += 2
    this.#writing.set(id, stream.getReader())
    return id
  }

  /** The guest's stream of that id. @throws TypeError for an id that is none, or that is being read. */
  fromGuest(id: unknown): ReadableStream<Bytes> {
    if (typeof id !== 'number') throw new TypeError('A stream has a number')
    // The one before would wait for its next chunk for ever, and with it whoever reads it.
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

  /** Forgets a stream that nobody will read on. */
  drop(id: number): void {
    this.#writing.delete(id)
  }

  /** Handles a message about a stream; false if it is about something else. */
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

  /** The isolate is gone: what it was to write breaks, what it was to read is let go. */
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

/** An error as the guest may see it: no stack. */
export function describe(error: unknown): { name: string; message: string } {
  return error instanceof Error || error instanceof DOMException
    ? { name: error.name, message: error.message }
    : { name: 'Error', message: String(error) }
}

export { isStream }
