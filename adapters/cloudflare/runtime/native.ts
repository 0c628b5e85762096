/**
 * The parts of Cloudflare's own bindings that the drivers read. The types are written out so that the
 * published types need no package of Cloudflare's. Source: @cloudflare/workers-types 5.
 */

export interface NativeKv {
  getWithMetadata(
    keys: string[],
    type: 'text',
  ): Promise<Map<string, { value: string | null; metadata: unknown } | null>>
  getWithMetadata(
    key: string,
    type: 'text' | 'arrayBuffer' | 'stream',
  ): Promise<{
    value: string | ArrayBuffer | ReadableStream<Uint8Array<ArrayBuffer>> | null
    metadata: unknown
  }>
  put(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: { expiration?: number; expirationTtl?: number; metadata?: unknown },
  ): Promise<void>
  delete(key: string): Promise<void>
  list(options: { prefix: string; limit: number; cursor?: string }): Promise<{
    keys: { name: string; expiration?: number; metadata?: unknown }[]
    list_complete: boolean
    cursor?: string
  }>
}

export interface NativeR2Object {
  readonly key: string
  readonly size: number
  readonly etag: string
  readonly uploaded: Date
  readonly httpMetadata?: NativeR2HttpMetadata
  readonly customMetadata?: Record<string, string>
  readonly range?: { offset?: number; length?: number; suffix?: number }
  /** Content of the R2 object; absent if a condition of the request failed. */
  readonly body?: ReadableStream<Uint8Array<ArrayBuffer>>
}

export interface NativeR2HttpMetadata {
  contentType?: string
  contentLanguage?: string
  contentDisposition?: string
  contentEncoding?: string
  cacheControl?: string
}

export interface NativeR2Conditions {
  etagMatches?: string
  etagDoesNotMatch?: string
}

export interface NativeR2PutOptions {
  onlyIf?: NativeR2Conditions
  httpMetadata?: NativeR2HttpMetadata
  customMetadata?: Record<string, string>
  sha256?: string
}

export interface NativeR2Part {
  partNumber: number
  etag: string
}

export interface NativeR2Upload {
  readonly uploadId: string
  uploadPart(partNumber: number, body: Uint8Array<ArrayBuffer>): Promise<NativeR2Part>
  complete(parts: NativeR2Part[]): Promise<NativeR2Object>
  abort(): Promise<void>
}

export interface NativeR2 {
  head(key: string): Promise<NativeR2Object | null>
  get(
    key: string,
    options: {
      range?: { offset: number; length?: number } | { suffix: number }
      onlyIf?: NativeR2Conditions
    },
  ): Promise<NativeR2Object | null>
  put(
    key: string,
    body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
    options: NativeR2PutOptions,
  ): Promise<NativeR2Object | null>
  createMultipartUpload(
    key: string,
    options: { httpMetadata?: NativeR2HttpMetadata; customMetadata?: Record<string, string> },
  ): Promise<NativeR2Upload>
  resumeMultipartUpload(key: string, uploadId: string): NativeR2Upload
  delete(keys: string[]): Promise<void>
  list(options: {
    prefix?: string
    delimiter?: string
    cursor?: string
    startAfter?: string
    limit: number
    include: ('httpMetadata' | 'customMetadata')[]
  }): Promise<{
    objects: NativeR2Object[]
    delimitedPrefixes: string[]
    truncated: boolean
    cursor?: string
  }>
}

/** A cell of a D1 result; blobs are arrays of numbers. */
export type NativeD1Cell = string | number | null | number[]

export interface NativeD1Result {
  results?: Record<string, NativeD1Cell>[]
  meta: { changes?: number; last_row_id?: number }
}

export interface NativeD1Statement {
  bind(...values: unknown[]): NativeD1Statement
  all(): Promise<NativeD1Result>
  raw(options: { columnNames: true }): Promise<NativeD1Cell[][]>
}

export interface NativeD1 {
  prepare(text: string): NativeD1Statement
  batch(statements: NativeD1Statement[]): Promise<NativeD1Result[]>
}

export interface NativeQueue {
  sendBatch(
    messages: { body: unknown; contentType: 'text' | 'bytes'; delaySeconds?: number }[],
  ): Promise<unknown>
}

export interface NativeMessage {
  readonly id: string
  readonly timestamp: Date
  readonly body: unknown
  readonly attempts: number
  ack(): void
  retry(options?: { delaySeconds?: number }): void
}

export interface NativeBatch {
  /** Name on Cloudflare of the queue that delivered the batch of messages. */
  readonly queue: string
  readonly messages: readonly NativeMessage[]
}

export interface NativeFetcher {
  fetch(request: Request): Promise<Response>
}

export interface NativeCache {
  match(request: Request): Promise<Response | undefined>
  put(request: Request, response: Response): Promise<void>
  delete(request: Request): Promise<boolean>
}

export interface NativeCaches {
  open(name: string): Promise<NativeCache>
}

export interface NativeController {
  /** Cron expression of the cron trigger, as deployed. */
  readonly cron: string
  /** Nominal time of the cron run, in milliseconds since 1970. */
  readonly scheduledTime: number
  noRetry(): void
}

export interface NativeContext {
  waitUntil(promise: Promise<unknown>): void
  passThroughOnException(): void
}
