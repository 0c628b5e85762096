/** What a request sends: a stream can be sent only once. */
export type OutboundBody = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null

/** One hop of a request. */
export interface Hop {
  url: URL
  method: string
  headers: Headers
  body: OutboundBody
  /** Bytes of a stream, where that is known before. */
  length: number | undefined
}
