/**
 * The package readable-stream has no types of its own. Apps see its streams through their own types of Node.
 */
declare module 'readable-stream' {
  type Done = (error?: unknown, chunk?: unknown) => void
  /** The members of Node's `stream.Transform` that the guest's own streams use. */
  class Transform {
    constructor(options?: object)
    readonly destroyed: boolean
    readonly writableEnded: boolean
    destroy(error?: unknown): this
    push(chunk: unknown): boolean
    write(chunk: unknown, encoding?: string | Done, done?: Done): boolean
    end(done?: Done): this
    once(name: string, listener: (...args: never[]) => void): this
    emit(name: string, ...args: unknown[]): boolean
    _read(size: number): void
    _transform(chunk: unknown, encoding: string, done: Done): void
    _flush(done: Done): void
    _destroy(error: unknown, done: Done): void
  }
  const stream: {
    readonly addAbortSignal: unknown
    readonly compose: unknown
    readonly destroy: unknown
    readonly Duplex: unknown
    readonly finished: unknown
    readonly isDisturbed: unknown
    readonly isErrored: unknown
    readonly isReadable: unknown
    readonly PassThrough: unknown
    readonly pipeline: unknown
    readonly promises: { readonly finished: unknown; readonly pipeline: unknown }
    readonly Readable: unknown
    readonly Stream: unknown
    readonly Transform: typeof Transform
    readonly Writable: unknown
  }
  export default stream
}
