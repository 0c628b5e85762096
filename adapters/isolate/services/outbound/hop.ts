/** Body of a request to the network. A stream can be sent only once. */
export type OutboundBody = Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array> | null

/** A hop of a request to the network: the request itself, or a request that follows a redirect. */
export interface Hop {
  url: URL
  method: string
  headers: Headers
  body: OutboundBody
  /** Bytes of the request's streamed body, if that number is known before. */
  length: number | undefined
}
