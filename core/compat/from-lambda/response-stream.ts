import type { HttpResult } from './http-result.ts'

/**
 * The stream that streaming Lambda handlers write to: methods and events of Node's Writable over a web
 * stream, so that it runs without Node.
 */

/** Head of a streamed Lambda answer, as passed to `HttpResponseStream.from`. */
export type StreamHead = Pick<HttpResult, 'statusCode' | 'headers' | 'cookies'>

type Listener = (...args: unknown[]) => void
type Callback = (error?: Error | null) => void

/** Content type that marks a Lambda response stream whose bytes begin with a head as JSON and eight NULs. */
export const PRELUDE_TYPE = 'application/vnd.awslambda.http-integration-response'
const NULS = 8
const HEAD_LIMIT = 1024 * 1024
/** Bytes that a Lambda response stream buffers before `write` returns false. */
const HIGH_WATER_MARK = 65_536

/**
 * Response stream of a streaming Lambda handler. `head` resolves at the first write or the end; `body`
 * follows as it is written. A reader that cancels does not affect the handler, as on AWS.
 */
export class ResponseStream {
  readonly body: ReadableStream<Uint8Array<ArrayBuffer>>
  /**
   * Head (status, headers, cookies) of the streamed Lambda answer. Rejects if the handler fails before it
   * writes.
   */
  readonly head: Promise<StreamHead>
  /** Resolves when the Lambda response stream has ended or failed. */
  readonly finished: Promise<void>
  writable = true
  writableEnded = false
  writableFinished = false
  writableObjectMode = false
  readonly writableHighWaterMark = HIGH_WATER_MARK
  writableNeedDrain = false
  destroyed = false
  errored: Error | null = null
  /**
   * Hook set by `HttpResponseStream.from`, ours and AWS's own, that writes a streamed answer's prelude (head
   * and NULs).
   */
  _onBeforeFirstWrite: ((write: (chunk: unknown) => unknown) => void) | undefined
  #contentType: string | undefined
  /** Bytes that the Lambda handler wrote before the answer's head was complete. */
  #prelude = new Uint8Array()
  #headDone = false
  #started = false
  #listeners = new Map<string, { listener: Listener; once: boolean }[]>()
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>
  #gone = false
  #resolveHead: (head: StreamHead) => void
  #rejectHead: (error: unknown) => void
  #resolveFinished: () => void

  constructor() {
    const head = Promise.withResolvers<StreamHead>()
    // Nobody may await `head` of a Lambda response stream, so its rejection is marked as handled; a caller
    // that awaits it still gets the error.
    head.promise.catch(() => {})
    this.head = head.promise
    this.#resolveHead = head.resolve
    this.#rejectHead = head.reject
    const finished = Promise.withResolvers<void>()
    this.finished = finished.promise
    this.#resolveFinished = finished.resolve
    this.body = new ReadableStream(
      {
        start: (controller) => void (this.#controller = controller),
        pull: () => this.#drained(),
        cancel: () => {
          this.#gone = true
          this.#drained()
        },
      },
      { highWaterMark: HIGH_WATER_MARK, size: (chunk) => chunk?.byteLength ?? 0 },
    )
  }

  get writableLength(): number {
    return this.#gone ? 0 : HIGH_WATER_MARK - (this.#controller.desiredSize ?? HIGH_WATER_MARK)
  }

  /**
   * Sets the content type of a streamed Lambda answer; only before the first write. Default:
   * `application/octet-stream`.
   */
  setContentType(type: string): void {
    this.#contentType = type
  }

  write(chunk: unknown, encoding?: string | Callback | null, callback?: Callback): boolean {
    const done = typeof encoding === 'function' ? encoding : callback
    if (this.writableEnded || this.destroyed) {
      const error = new Error(
        this.writableEnded ? 'write after end' : 'Cannot call write after a stream was destroyed',
      )
      queueMicrotask(() => done?.(error))
      if (this.#listeners.has('error')) queueMicrotask(() => this.emit('error', error))
      return false
    }
    this.#begin()
    this.#push(toBytes(chunk, typeof encoding === 'string' ? encoding : 'utf8'))
    if (done !== undefined) queueMicrotask(() => done(null))
    if (this.#gone || (this.#controller.desiredSize ?? 1) > 0) return true
    this.writableNeedDrain = true
    return false
  }

  end(chunk?: unknown, encoding?: string | Callback | null, callback?: Callback): this {
    const done = [chunk, encoding, callback].find((one): one is Callback => typeof one === 'function')
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function')
      this.write(chunk, typeof encoding === 'string' ? encoding : undefined)
    if (done !== undefined) this.once('finish', done as Listener)
    if (this.writableEnded || this.destroyed) return this
    this.#begin()
    this.writableEnded = true
    this.writable = false
    if (!this.#headDone) this.#fail(new Error('The streamed answer ended within its head.'))
    else {
      if (!this.#gone) this.#controller.close()
      this.#close(() => {
        this.writableFinished = true
        this.emit('finish')
      })
    }
    return this
  }

  /** Destroys the Lambda response stream, which aborts the answer, with or without an error. */
  destroy(error?: Error | null): this {
    if (this.destroyed || this.writableFinished) return this
    this.#fail(error ?? new Error('The response stream was destroyed before its end.'), error ?? undefined)
    return this
  }

  cork(): void {}
  uncork(): void {}
  setDefaultEncoding(): this {
    return this
  }

  #begin(): void {
    if (this.#started) return
    this.#started = true
    this._onBeforeFirstWrite?.((chunk) => this.#push(toBytes(chunk, 'utf8')))
    if (this.#contentType === PRELUDE_TYPE) return
    // A Lambda response stream without a prelude has only the content type as its head.
    this.#headDone = true
    this.#resolveHead({
      statusCode: 200,
      headers: { 'content-type': this.#contentType ?? 'application/octet-stream' },
    })
  }

  #push(bytes: Uint8Array<ArrayBuffer>): void {
    if (!this.#headDone) {
      const all = joined(this.#prelude, bytes)
      const end = endOfHead(all)
      this.#prelude = all
      if (end < 0) {
        if (all.byteLength > HEAD_LIMIT) this.#fail(new Error('The streamed answer has no head.'))
        return
      }
      this.#headDone = true
      try {
        this.#resolveHead(JSON.parse(new TextDecoder().decode(all.subarray(0, end))) as StreamHead)
      } catch (error) {
        return this.#fail(new Error('The head of the streamed answer is not JSON.', { cause: error }))
      }
      bytes = all.subarray(end + NULS)
    }
    if (bytes.byteLength > 0 && !this.#gone && !this.destroyed) this.#controller.enqueue(bytes)
  }

  #fail(error: Error, told: Error | undefined = error): void {
    if (this.destroyed) return
    this.destroyed = true
    this.writable = false
    this.errored = told ?? null
    this.#rejectHead(error)
    if (!this.#gone) this.#controller.error(error)
    this.#close(() => {
      if (told !== undefined && this.#listeners.has('error')) this.emit('error', told)
    })
  }

  #close(before: () => void): void {
    this.#resolveFinished()
    queueMicrotask(() => {
      before()
      this.emit('close')
    })
  }

  #drained(): void {
    if (!this.writableNeedDrain) return
    this.writableNeedDrain = false
    queueMicrotask(() => this.emit('drain'))
  }

  on(event: string, listener: Listener): this {
    return this.#add(event, listener, false)
  }
  once(event: string, listener: Listener): this {
    return this.#add(event, listener, true)
  }
  addListener(event: string, listener: Listener): this {
    return this.#add(event, listener, false)
  }
  prependListener(event: string, listener: Listener): this {
    this.#listeners.set(event, [{ listener, once: false }, ...(this.#listeners.get(event) ?? [])])
    return this
  }
  off(event: string, listener: Listener): this {
    const left = (this.#listeners.get(event) ?? []).filter((one) => one.listener !== listener)
    if (left.length > 0) this.#listeners.set(event, left)
    else this.#listeners.delete(event)
    return this
  }
  removeListener(event: string, listener: Listener): this {
    return this.off(event, listener)
  }
  removeAllListeners(event?: string): this {
    if (event === undefined) this.#listeners.clear()
    else this.#listeners.delete(event)
    return this
  }
  emit(event: string, ...args: unknown[]): boolean {
    const listeners = this.#listeners.get(event) ?? []
    for (const { listener, once } of listeners) {
      if (once) this.off(event, listener)
      listener.apply(this, args)
    }
    return listeners.length > 0
  }
  listenerCount(event: string): number {
    return this.#listeners.get(event)?.length ?? 0
  }
  listeners(event: string): Listener[] {
    return (this.#listeners.get(event) ?? []).map(({ listener }) => listener)
  }
  setMaxListeners(): this {
    return this
  }

  #add(event: string, listener: Listener, once: boolean): this {
    this.#listeners.set(event, [...(this.#listeners.get(event) ?? []), { listener, once }])
    return this
  }
}

/** Node's Buffer, if the runtime has it: it converts a Lambda handler's text in encodings such as base64. */
interface BufferClass {
  from(text: string, encoding: string): Uint8Array
}

/**
 * Converts a chunk of a Lambda response stream to bytes. A chunk that is neither text nor bytes is written as
 * JSON, as AWS's own stream does.
 */
function toBytes(chunk: unknown, encoding: string): Uint8Array<ArrayBuffer> {
  if (chunk instanceof Uint8Array) return new Uint8Array(chunk)
  if (typeof chunk !== 'string') return new TextEncoder().encode(JSON.stringify(chunk))
  if (/^utf-?8$/i.test(encoding)) return new TextEncoder().encode(chunk)
  const { Buffer } = globalThis as { Buffer?: BufferClass }
  if (Buffer === undefined)
    throw new TypeError(`This runtime has no Buffer for the encoding "${encoding}": write bytes.`)
  return new Uint8Array(Buffer.from(chunk, encoding))
}

function joined(a: Uint8Array<ArrayBuffer>, b: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(a.byteLength + b.byteLength)
  all.set(a)
  all.set(b, a.byteLength)
  return all
}

/**
 * Returns the index of the eight NULs after a streamed answer's head (JSON); -1 if they have not arrived.
 * JSON contains no NUL.
 */
function endOfHead(bytes: Uint8Array): number {
  const first = bytes.indexOf(0)
  return first >= 0 && first + NULS <= bytes.byteLength ? first : -1
}
