/**
 * The package readable-stream has no types of its own. Apps see its streams through their own types of Node.
 */
declare module 'readable-stream' {
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
    readonly Transform: unknown
    readonly Writable: unknown
  }
  export default stream
}
