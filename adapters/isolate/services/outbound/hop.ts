/** What a request sends: a stream can be sent only once. */
export type OutboundBody = string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null

/** One hop of a request. */
export interface Hop {
  url: URL
  method: string
  headers: Headers
  body: OutboundBody
}
