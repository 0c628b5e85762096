import { Buffer } from '../buffer.ts'
import type { Listener, Name } from '../event-functions.ts'
import { EventEmitter } from '../events.ts'

type Text = Uint8Array & { toString(encoding: string): string }
type Done = (error?: unknown) => void
interface Sink extends EventEmitter {
  write(chunk: unknown): unknown
  end(): unknown
}

/**
 * Stream interface of hashes and ciphers: bytes go in through `write` and `end`, and come out through `read`,
 * `data`, `pipe` and `for await`. Node's stream classes would add a hundred times as much code to every app
 * that hashes something.
 */
export abstract class ByteStream extends EventEmitter {
  readable = true
  writable = true
  #output: Uint8Array[] = []
  #encoding: string | undefined
  #isFlowing = false
  #isFinished = false
  #hasEnded = false

  /** Passes a chunk to the hash or cipher and returns the output that is ready at once, if any. */
  protected abstract transformBytes(chunk: unknown, encoding: string | undefined): Uint8Array | undefined
  /** Returns the rest of a hash's or cipher's output, after the last chunk. */
  protected abstract flushBytes(): Uint8Array

  write(chunk: unknown, encoding?: string | Done, done?: Done): boolean {
    const then = typeof encoding === 'function' ? encoding : done
    return this.#take(
      () => this.transformBytes(chunk, typeof encoding === 'string' ? encoding : undefined),
      then,
    )
  }

  end(chunk?: unknown, encoding?: string | Done, done?: Done): this {
    const then = [chunk, encoding, done].find((value) => typeof value === 'function') as Done | undefined
    if (this.#isFinished) return this
    if (chunk !== undefined && chunk !== null && typeof chunk !== 'function')
      this.#take(() => this.transformBytes(chunk, typeof encoding === 'string' ? encoding : undefined))
    this.#isFinished = true
    this.writable = false
    const isWhole = this.#take(() => this.flushBytes())
    queueMicrotask(() => {
      if (!isWhole) return
      then?.()
      this.emit('finish')
      this.emit('readable')
      this.#flow()
    })
    return this
  }

  #take(work: () => Uint8Array | undefined, done?: Done): boolean {
    try {
      const bytes = work()
      if (bytes !== undefined && bytes.byteLength > 0) this.#output.push(bytes)
    } catch (error) {
      queueMicrotask(() => {
        done?.(error)
        this.emit('error', error)
      })
      return false
    }
    if (done !== undefined) queueMicrotask(done)
    if (this.#isFlowing) queueMicrotask(() => this.#flow())
    return true
  }

  read(): unknown {
    if (this.#output.length === 0) return null
    const bytes = Buffer.concat(this.#output)
    this.#output = []
    return this.#encoding === undefined ? bytes : (bytes as Text).toString(this.#encoding)
  }

  #flow(): void {
    if (!this.#isFlowing) return
    const chunk = this.read()
    if (chunk !== null) this.emit('data', chunk)
    if (!this.#isFinished || this.#hasEnded) return
    this.#hasEnded = true
    this.readable = false
    this.emit('end')
    this.emit('close')
  }

  override on(name: Name, listener: Listener): this {
    super.on(name, listener)
    if (name === 'data') this.resume()
    return this
  }
  resume(): this {
    this.#isFlowing = true
    queueMicrotask(() => this.#flow())
    return this
  }
  pause(): this {
    this.#isFlowing = false
    return this
  }
  setEncoding(encoding: string): this {
    this.#encoding = encoding
    return this
  }
  pipe<T extends Sink>(sink: T, options: { end?: boolean } = {}): T {
    this.on('data', (chunk) => sink.write(chunk))
    if (options.end !== false) this.on('end', () => sink.end())
    sink.emit('pipe', this)
    return sink
  }
  destroy(error?: unknown): this {
    this.readable = this.writable = false
    if (error !== undefined && error !== null) queueMicrotask(() => this.emit('error', error))
    return this
  }
  async *[Symbol.asyncIterator](): AsyncGenerator<unknown> {
    if (!this.#isFinished)
      await new Promise<void>((resolve, reject) => {
        this.once('finish', () => resolve())
        this.once('error', reject)
      })
    const chunk = this.read()
    this.readable = false
    if (chunk !== null) yield chunk
  }
}
