/**
 * The small interfaces behind the portable bindings. Apps never see them.
 *
 * Duties that hold for every driver:
 * - Arguments arrive checked: sizes, key forms and types hold the portable contract. A driver adds no limits
 *   of its own unless it declares them.
 * - Every failure is an `UnmoorError` with a code of `core/errors.ts` and the backend's error as `cause`; the
 *   portable class adds binding and operation.
 * - A driver retries only what is safe to repeat; where a write may have taken effect it says
 *   `mayHaveApplied`.
 * - Methods may be called concurrently. Nothing is clamped, truncated or normalised.
 */
import type { CounterDriver } from './counter-driver.ts'
import type { Driver, DriverContext } from './driver.ts'
import type { SocketsDriver, TicketedSocketsDriver } from './sockets-driver.ts'

export type { CounterDriver, CounterWindow } from './counter-driver.ts'
export type { SocketsDriver, TicketedSocketsDriver } from './sockets-driver.ts'
export type { Driver, DriverContext }

/** A stored KV entry. */
export interface KvEntry {
  /** As asked: text, bytes, or for `stream` either bytes or a stream. */
  value: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>
  /** JSON text, or undefined where none was put. */
  metadata?: string | undefined
  /** Seconds since 1970. */
  expiration?: number | undefined
}

/** An entry of a page of keys. `metadata`: JSON text; `expiration`: seconds since 1970. */
export interface KvListEntry {
  name: string
  metadata?: string | undefined
  expiration?: number | undefined
}

/** KV on one backend. Expired entries are never returned, also while the backend still holds them. */
export interface KvDriver extends Driver {
  /**
   * `wanted.expiration`: the caller reads `expiration`; drivers for which it costs a further call may leave
   * it out otherwise.
   */
  get(
    key: string,
    as: 'text' | 'bytes' | 'stream',
    wanted?: { expiration?: boolean },
  ): Promise<KvEntry | null>
  /** Entries by key; missing keys are absent. Default: parallel `get`. At most 100 keys. */
  getMany?(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>>
  /** Replaces value, metadata and expiration together. */
  put(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: { metadata?: string | undefined; expiration?: number | undefined },
  ): Promise<void>
  /** Succeeds where there is no such key. */
  delete(key: string): Promise<void>
  /**
   * Keys that start with `prefix`, in UTF-8 byte order, from after `cursor` (what an earlier call of this
   * driver gave). `cursor` in the answer means there may be more; a key untouched during paging appears
   * exactly once. A cursor it did not make: `InvalidArgument`.
   */
  list(options: {
    prefix: string
    cursor?: string | undefined
    limit: number
  }): Promise<{ keys: KvListEntry[]; cursor?: string | undefined }>
}

/** A KV entry with its version. */
export interface KvVersionedEntry extends KvEntry {
  value: string | Uint8Array<ArrayBuffer>
  /** Opaque, not empty; every write of the key makes another, also after a delete. */
  version: string
}

/**
 * A KV that is linearizable per key: `get` and `list` see every write that has resolved. Expired entries
 * count as absent.
 */
export interface StrongKvDriver extends KvDriver {
  getWithVersion(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null>
  /**
   * @deprecated Since 0.2: `getWithVersion`. Still called, for one release, where a driver has no
   * `getWithVersion`.
   */
  getVersioned?(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null>
  /**
   * Writes only where the entry has that version (null: where there is none), atomically. Returns the new
   * version, or null where it did not write.
   */
  putIf(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: { metadata?: string | undefined; expiration?: number | undefined },
    version: string | null,
  ): Promise<string | null>
  /** Removes only that version; whether it did. */
  deleteIf(key: string, version: string): Promise<boolean>
}

/** Values of the HTTP headers that a blob is served with: printable ASCII. */
export interface BlobHttpMetadata {
  contentType?: string
  contentLanguage?: string
  contentDisposition?: string
  contentEncoding?: string
  cacheControl?: string
}

/** What is known of a stored blob. */
export interface BlobRecord {
  key: string
  /** Bytes of the whole blob. */
  size: number
  /** Opaque, without quotes. Changes whenever the content does. */
  etag: string
  /** Milliseconds since 1970. */
  uploaded: number
  httpMetadata: BlobHttpMetadata
  customMetadata: Record<string, string>
}

/** Bytes `offset` up to `offset + length`, or the last `suffix` bytes. */
export type BlobRange = { offset: number; length?: number | undefined } | { suffix: number }

/** Conditions of a read or a write, by etag. A failed one is `PreconditionFailed`. */
export interface BlobConditions {
  ifMatch?: string | undefined
  /** An etag, or `*` for any. */
  ifNoneMatch?: string | undefined
}

/** What a put stores beside the body, checked. */
export interface BlobPutOptions extends BlobConditions {
  httpMetadata: BlobHttpMetadata
  customMetadata: Record<string, string>
  /**
   * Lower-case hex. The driver compares what arrived and stores nothing on a mismatch (`ChecksumMismatch`).
   */
  sha256?: string | undefined
  signal?: AbortSignal | undefined
}

/**
 * Blobs that are uploaded in parts, by several requests. All but the last part are equally long, of 5 MiB at
 * least; parts arrive checked, in the order of their numbers.
 */
export interface BlobUploads {
  /** Returns the upload's id. */
  start(
    key: string,
    metadata: { httpMetadata: BlobHttpMetadata; customMetadata: Record<string, string> },
  ): Promise<string>
  /**
   * Stores a part in place of one with its number; returns its etag. `NotFound` (kind `upload`) where there
   * is no such upload, or it has ended.
   */
  put(
    key: string,
    id: string,
    part: number,
    body: Uint8Array<ArrayBuffer>,
    signal?: AbortSignal,
  ): Promise<string>
  /**
   * Makes the parts the blob, all or nothing. `InvalidArgument` for a part that is not there, or no more;
   * `NotFound` as of `put`.
   */
  complete(key: string, id: string, parts: readonly { part: number; etag: string }[]): Promise<BlobRecord>
  /** Removes the parts. An upload that has ended, or never was, is fine. */
  abort(key: string, id: string): Promise<void>
}

/** Blobs on one backend, strongly consistent. */
export interface BlobDriver extends Driver {
  head(key: string): Promise<BlobRecord | null>
  /**
   * Null where there is no such blob. `body` is null where `ifNoneMatch` names the present etag; a failed
   * `ifMatch` is `PreconditionFailed`. A range past the end is cut at the end; one that starts there or
   * later, or an empty one, is `RangeNotSatisfiable`.
   */
  get(
    key: string,
    options: BlobConditions & { range?: BlobRange | undefined; signal?: AbortSignal | undefined },
  ): Promise<{
    record: BlobRecord
    /** The part that `body` holds. */
    range?: { offset: number; length: number } | undefined
    body: ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null
  } | null>
  /**
   * All or nothing: a body that fails half-way leaves the old blob. Conditions hold atomically; a failed one
   * is `PreconditionFailed`.
   */
  put(
    key: string,
    body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
    options: BlobPutOptions,
  ): Promise<BlobRecord>
  /** Missing keys are fine. At most 1,000. Failures per key: `indexes` of the error's details. */
  delete(keys: readonly string[]): Promise<void>
  /** In UTF-8 byte order of keys and common prefixes together; `startAfter` is exclusive. */
  list(options: {
    prefix: string
    delimiter?: string | undefined
    startAfter?: string | undefined
    cursor?: string | undefined
    limit: number
  }): Promise<{
    blobs: BlobRecord[]
    prefixes: string[]
    cursor?: string | undefined
  }>
  /** Default: the backend has none (`Unsupported`, `blob.multipart`). */
  readonly uploads?: BlobUploads
  /**
   * A URL with which anybody may read or write this one blob for so many seconds. Default: the backend has
   * none (`Unsupported`, `blob.signedUrls`).
   */
  signedUrl?(key: string, method: 'GET' | 'PUT', seconds: number): Promise<string>
}

/** The engine of a database. */
export type SqlDialect = 'sqlite' | 'postgres'
/** What a column can hold. Integers beyond 2^53 - 1 are an error, never rounded. */
export type SqlCell = string | number | boolean | null | Uint8Array<ArrayBuffer>

/** The result of a statement: rows are arrays, in the order of `columns`. */
export interface SqlResult {
  columns: string[]
  rows: SqlCell[][]
  /** Rows inserted, updated or deleted. */
  changes: number
  /** Row id of the last insert, where the engine has one (SQLite). */
  lastRowId?: number | undefined
}

/** A checked statement: one, placeholders in the dialect's own form, as many params as it takes. */
export interface SqlQuery {
  text: string
  params: readonly SqlCell[]
}

/** Rows of one statement, read as they are asked for. */
export interface SqlCursor {
  readonly columns: readonly string[]
  /** The next rows: at least one, and a few at a time, as they are held in memory; none at the end. */
  next(): Promise<SqlCell[][]>
  /** Frees what it holds. Called once, at the end or before. */
  close(): Promise<void>
}

/**
 * A transaction on a connection of its own, as if transactions ran one after the other (serializable). One of
 * `commit` and `rollback` is called, once and last.
 */
export interface SqlTransactionDriver {
  /** After one that failed only `rollback` is called. */
  query(query: SqlQuery): Promise<SqlResult>
  /** As {@link SqlDriver.cursor}, within the transaction; it is closed before the end. */
  cursor?(query: SqlQuery): Promise<SqlCursor>
  /** `Conflict` (retryable) where another transaction came in between; nothing is kept then. */
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** A database on one engine. */
export interface SqlDriver extends Driver {
  readonly dialect: SqlDialect
  query(query: SqlQuery, signal?: AbortSignal): Promise<SqlResult>
  /**
   * All in one transaction, each seeing the earlier ones. A failure rolls all back and has its index in the
   * error's details.
   */
  batch(queries: readonly SqlQuery[], signal?: AbortSignal): Promise<SqlResult[]>
  /**
   * Runs a statement that only reads, as of now, whatever is written while its rows are read.
   * `InvalidArgument` for one that writes. Default: the engine has no cursors (`Unsupported`, `sql.each`).
   */
  cursor?(query: SqlQuery): Promise<SqlCursor>
  /**
   * Begins a transaction; other calls of the driver are not part of it. Default: the engine has none
   * (`Unsupported`).
   */
  begin?(): Promise<SqlTransactionDriver>
  /**
   * Lets each database grow by so many bytes more; a statement that needs more fails. What is there can be
   * read and deleted, which frees pages for other rows. Optional, for drivers whose files are on the host's
   * own disk.
   */
  limitGrowth?(bytes: number): void
  /**
   * Refuses results of more bytes than that with `LimitExceeded` (details: `limit` is `resultBytes`); what
   * the statement has written is undone. Optional, for drivers that hold a whole result in this process.
   */
  limitResult?(bytes: number): void
  /** Runs `work` while no other process migrates this database, under a lock. Default: no lock. */
  exclusive?<T>(work: () => Promise<T>): Promise<T>
}

/** How a message's body is stored: JSON text, or bytes. */
export type QueueContentType = 'json' | 'bytes'

/** A message to be sent, checked. */
export interface QueueOutgoing {
  /** Unique; kept over retries and into the dead-letter queue. */
  id: string
  contentType: QueueContentType
  /** JSON text, or bytes. */
  body: string | Uint8Array<ArrayBuffer>
  delaySeconds: number
}

/** A delivered message. */
export interface QueueIncoming {
  id: string
  contentType: QueueContentType
  body: string | Uint8Array<ArrayBuffer>
  /** 1 at the first delivery. */
  attempts: number
  /** When it was first sent, milliseconds since 1970. */
  timestamp: number
  /** The driver's handle of this delivery. */
  lease: string
}

/** What becomes of a delivered message. */
export type QueueSettlement =
  | { lease: string; outcome: 'ack' }
  | { lease: string; outcome: 'retry'; delaySeconds: number }

/**
 * A queue on one backend. Sending is all that push platforms need; the rest serves the consumer loop of
 * `core/runtime/queue-consumer.ts`.
 */
export interface QueueDriver extends Driver {
  /** Resolves when the backend has them durably. Failure in part: `indexes` of the error's details. */
  send(messages: readonly QueueOutgoing[]): Promise<void>
  /** Up to `max` messages, each leased for `leaseSeconds`; waits up to `waitSeconds` for the first. */
  receive?(options: {
    max: number
    leaseSeconds: number
    waitSeconds: number
    signal: AbortSignal
  }): Promise<QueueIncoming[]>
  /**
   * Acks and retries. A retry after the last attempt moves the message to `deadLetter` (kept id and
   * timestamp, attempts from 1) or drops it, in one step. A lease that has run out is ignored. Returns the
   * ids of messages that were dropped for want of a dead-letter queue.
   */
  settle?(settlements: readonly QueueSettlement[]): Promise<{ dropped: string[] }>
  /** Makes the leases last `leaseSeconds` from now. */
  extend?(leases: readonly string[], leaseSeconds: number): Promise<void>
  /**
   * Messages waiting, delayed and leased. It may count one by one (a million: 74 ms on SQLite, 230 on
   * Postgres): for people and metrics, not for each message.
   */
  depth?(): Promise<{ ready: number; delayed: number; leased: number }>
}

/** A cache on one backend. Any failure is a miss; nothing is an error. */
export interface CacheDriver extends Driver {
  /** The stored answer for a GET of `url`, if it is still fresh. */
  match(url: string): Promise<Response | undefined>
  /** `ttlSeconds` comes from Cache-Control, checked. The response's body may be consumed. */
  put(url: string, response: Response, ttlSeconds: number): Promise<void>
  /** Resolves to true if there was an entry. */
  delete(url: string): Promise<boolean>
}

/** Where a secret comes from. */
export interface SecretDriver extends Driver {
  get(): Promise<string | null>
}

/** Another app. */
export interface ServiceDriver extends Driver {
  fetch(request: Request): Promise<Response>
}

/** The app's static files. */
export interface AssetsDriver extends Driver {
  /**
   * A full answer (200, 206, 304, 307, 416 to a GET or HEAD, 405 to other methods), or undefined where no
   * file matches. Under `notFound: 'single-page-application'` what matches no file is answered by
   * `/index.html`: for `fallback: 'navigation'` (default; what adapters ask before the app) only where a
   * browser opens a page (`Sec-Fetch-Mode: navigate`), for `always` (`env.assets.fetch`) in any case.
   */
  serve(request: Request, options?: { fallback?: 'navigation' | 'always' }): Promise<Response | undefined>
}

/** A value of an object's database. */
export type ObjectCell = string | number | null | Uint8Array<ArrayBuffer>

/** The result of a statement on an object's database. */
export interface ObjectResult {
  columns: string[]
  rows: ObjectCell[][]
  /** Rows inserted, updated or deleted. */
  changes: number
}

/** A SQLite database for each of any number of named objects, for the Durable Objects of existing Workers. */
export interface ObjectsDriver extends Driver {
  /**
   * Runs one statement on the database of `object` (made if missing) and returns its result at once,
   * synchronously; transactions are statements too. Throws SQLite's own errors.
   */
  query(object: string, text: string, params: readonly ObjectCell[]): ObjectResult
  /** Undoes open transactions: whoever began them was stopped. Default: no caller may be stopped. */
  rollBack?(): void
  /** True if `object` has a database; makes none. Default: not known, so callers ask the database. */
  exists?(object: string): boolean
  /** As {@link SqlDriver.limitGrowth}, for each object's database. */
  limitGrowth?(bytes: number): void
  /** As {@link SqlDriver.limitResult}. */
  limitResult?(bytes: number): void
}

/** The driver interface per kind of binding. */
export interface DriverOf {
  kv: KvDriver
  /** `kv({ consistency: 'strong' })`: a factory of its own, so that a build knows which drivers can. */
  strongKv: StrongKvDriver
  blob: BlobDriver
  sql: SqlDriver
  queue: QueueDriver
  cache: CacheDriver
  secret: SecretDriver
  variable: never
  service: ServiceDriver
  assets: AssetsDriver
  objects: ObjectsDriver
  counter: CounterDriver
  sockets: SocketsDriver
  /** `sockets({ tickets: true })`: a factory of its own, so that a build knows which drivers can. */
  ticketedSockets: TicketedSocketsDriver
}

/** A driver module exports one per kind that it serves: `export const kv: DriverFactory<'kv', Options>`. */
export type DriverFactory<Kind extends keyof DriverOf, Options = Record<string, never>> = (
  options: Options,
  context: DriverContext,
) => DriverOf[Kind] | Promise<DriverOf[Kind]>
