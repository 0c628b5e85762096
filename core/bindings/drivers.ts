/**
 * The driver interfaces behind the portable bindings. Apps never see them.
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
import type { QueueDriver } from './queue-driver.ts'
import type { SocketsDriver, TicketedSocketsDriver } from './sockets-driver.ts'

export type { CounterDriver, CounterWindow } from './counter-driver.ts'
export type {
  QueueContentType,
  QueueDriver,
  QueueIncoming,
  QueueOutgoing,
  QueuePeeked,
  QueueSettlement,
} from './queue-driver.ts'
export type { SocketsDriver, TicketedSocketsDriver } from './sockets-driver.ts'
export type { Driver, DriverContext }

/** A stored KV entry as a driver returns it. */
export interface KvEntry {
  /** The KV value in the form that `get` asked for: text, bytes, or for `stream` bytes or a stream. */
  value: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>
  /** The metadata of the KV entry as JSON text; undefined if none was stored. */
  metadata?: string | undefined
  /** Expiration of the KV entry in seconds since 1970. */
  expiration?: number | undefined
}

/** An entry of a page of KV keys. `metadata` is JSON text; `expiration` is in seconds since 1970. */
export interface KvListEntry {
  name: string
  metadata?: string | undefined
  expiration?: number | undefined
}

/** A KV store on one backend. It never returns expired entries, even while the backend holds them. */
export interface KvDriver extends Driver {
  /**
   * Reads a KV entry. `wanted.expiration` is true if the caller reads `expiration`. Drivers for which it
   * costs a further call may otherwise leave it out.
   */
  get(
    key: string,
    as: 'text' | 'bytes' | 'stream',
    wanted?: { expiration?: boolean },
  ): Promise<KvEntry | null>
  /** Returns KV entries by key, at most 100; missing keys are absent. Default: parallel `get`. */
  getMany?(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>>
  /** Replaces value, metadata and expiration of a KV entry together. */
  put(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: { metadata?: string | undefined; expiration?: number | undefined },
  ): Promise<void>
  /** Removes a KV key. A missing key is no error. */
  delete(key: string): Promise<void>
  /**
   * Lists KV keys that start with `prefix`, in UTF-8 byte order, after `cursor` (returned by an earlier call
   * of this driver). `cursor` in the result means that there may be more. A key that is not written during
   * paging appears exactly once. @throws `InvalidArgument` for a cursor that this driver did not make.
   */
  list(options: {
    prefix: string
    cursor?: string | undefined
    limit: number
  }): Promise<{ keys: KvListEntry[]; cursor?: string | undefined }>
}

/** A KV entry with its version, as a driver of a strong KV returns it. */
export interface KvVersionedEntry extends KvEntry {
  value: string | Uint8Array<ArrayBuffer>
  /** Version of the KV entry: opaque, not empty. Every write makes a new one, also after a delete. */
  version: string
}

/**
 * A driver of a KV that is linearizable per key: `get` and `list` see every write that has resolved. Expired
 * entries count as absent.
 */
export interface StrongKvDriver extends KvDriver {
  getWithVersion(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null>
  /** @deprecated Since 0.2: KV drivers have `getWithVersion`. Used in 0.2 for a driver without that. */
  getVersioned?(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null>
  /**
   * Writes a KV entry atomically, only if it has this version (null: only if there is no entry). Returns the
   * new version, or null if nothing was written.
   */
  putIf(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: { metadata?: string | undefined; expiration?: number | undefined },
    version: string | null,
  ): Promise<string | null>
  /** Removes the KV entry only if it has this version. Resolves to true if it was removed. */
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

/** Size, etag, time and metadata of a stored blob. */
export interface BlobRecord {
  key: string
  /** Size of the whole blob in bytes. */
  size: number
  /** The blob's etag: opaque, without quotes. It changes whenever the content does. */
  etag: string
  /** Time of the blob's upload in milliseconds since 1970. */
  uploaded: number
  httpMetadata: BlobHttpMetadata
  customMetadata: Record<string, string>
}

/** A range of a blob's bytes: `length` bytes from `offset` on, or the last `suffix` bytes. */
export type BlobRange = { offset: number; length?: number | undefined } | { suffix: number }

/** Conditions of a blob read or write, by etag. A condition that fails is `PreconditionFailed`. */
export interface BlobConditions {
  ifMatch?: string | undefined
  /** An etag that the blob must not have, or `*` for any etag. */
  ifNoneMatch?: string | undefined
}

/** Conditions and metadata of a blob put; the portable class has checked them. */
export interface BlobPutOptions extends BlobConditions {
  httpMetadata: BlobHttpMetadata
  customMetadata: Record<string, string>
  /** Lower-case hex SHA-256 of a blob. A put of another body stores nothing and is `ChecksumMismatch`. */
  sha256?: string | undefined
  signal?: AbortSignal | undefined
}

/** Blob uploads in parts, over several requests; `complete` receives the parts checked and in order. */
export interface BlobUploads {
  /** Begins a blob upload in parts; returns its id. */
  start(
    key: string,
    metadata: { httpMetadata: BlobHttpMetadata; customMetadata: Record<string, string> },
  ): Promise<string>
  /**
   * Stores a part of a blob upload, in place of an earlier one of the same number, and returns its etag.
   * @throws `NotFound` (kind `upload`) if there is no such upload, or it has ended.
   */
  put(
    key: string,
    id: string,
    part: number,
    body: Uint8Array<ArrayBuffer>,
    signal?: AbortSignal,
  ): Promise<string>
  /** Joins the upload's parts to the blob, all or nothing. @throws `InvalidArgument` for a missing part. */
  complete(key: string, id: string, parts: readonly { part: number; etag: string }[]): Promise<BlobRecord>
  /** Removes the parts of a blob upload. An upload that has ended, or never existed, is no error. */
  abort(key: string, id: string): Promise<void>
}

/** Driver of a blob store: blobs on one backend, strongly consistent. */
export interface BlobDriver extends Driver {
  head(key: string): Promise<BlobRecord | null>
  /**
   * Returns a blob, or null if there is none. `body` is null if `ifNoneMatch` names the present etag. A
   * failed `ifMatch` is `PreconditionFailed`. A range that reaches past the end is cut there; an empty range,
   * or one that starts at or after the end, is `RangeNotSatisfiable`.
   */
  get(
    key: string,
    options: BlobConditions & { range?: BlobRange | undefined; signal?: AbortSignal | undefined },
  ): Promise<{
    record: BlobRecord
    /** The part of the blob that `body` holds. */
    range?: { offset: number; length: number } | undefined
    body: ReadableStream<Uint8Array<ArrayBuffer>> | Uint8Array<ArrayBuffer> | null
  } | null>
  /**
   * Stores a blob, all or nothing: if the body fails half-way, the old blob stays. Conditions are checked
   * atomically; a failed one is `PreconditionFailed`.
   */
  put(
    key: string,
    body: Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
    options: BlobPutOptions,
  ): Promise<BlobRecord>
  /** Removes up to 1,000 blobs; missing ones are no error. `indexes` of an error name those that failed. */
  delete(keys: readonly string[]): Promise<void>
  /** Lists blob keys and common prefixes in UTF-8 byte order, after `startAfter` (exclusive). */
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
  /** Blob uploads in parts. Default: the backend has none (`Unsupported`, `blob.multipart`). */
  readonly uploads?: BlobUploads
  /**
   * Returns a URL with which anybody may read or write this one blob for `seconds`. Default: the backend has
   * none (`Unsupported`, `blob.signedUrls`).
   */
  signedUrl?(key: string, method: 'GET' | 'PUT', seconds: number): Promise<string>
}

/** The engine that runs a database's SQL: SQLite or Postgres. */
export type SqlDialect = 'sqlite' | 'postgres'
/** A value that an SQL column can hold. An integer beyond 2^53 - 1 is an error; it is never rounded. */
export type SqlCell = string | number | boolean | null | Uint8Array<ArrayBuffer>

/** The result of an SQL statement: rows are arrays, in the order of `columns`. */
export interface SqlResult {
  columns: string[]
  rows: SqlCell[][]
  /** Number of SQL rows inserted, updated or deleted. */
  changes: number
  /** Row id of the SQL database's last insert, where the engine has one (SQLite). */
  lastRowId?: number | undefined
}

/** A checked SQL query: one statement, placeholders in the dialect's form, as many params as it takes. */
export interface SqlQuery {
  text: string
  params: readonly SqlCell[]
}

/** Rows of one SQL statement, read on demand. */
export interface SqlCursor {
  readonly columns: readonly string[]
  /**
   * Returns the cursor's next rows: at least one, and few at a time, since they are held in memory. Returns
   * none at the end.
   */
  next(): Promise<SqlCell[][]>
  /** Frees the resources of the SQL cursor. Called once, after the last row or earlier. */
  close(): Promise<void>
}

/**
 * An SQL transaction on a connection of its own, serializable: the result is as if transactions ran one after
 * the other. The caller calls either `commit` or `rollback`, once, as the last call.
 */
export interface SqlTransactionDriver {
  /** Runs one statement in the SQL transaction. After one that failed, the caller only calls `rollback`. */
  query(query: SqlQuery): Promise<SqlResult>
  /** Opens a cursor in the SQL transaction, as {@link SqlDriver.cursor}; it is closed before the end. */
  cursor?(query: SqlQuery): Promise<SqlCursor>
  /**
   * Commits the SQL transaction. @throws `Conflict` (retryable), with nothing kept, if another transaction
   * interfered.
   */
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** Driver of a SQL database on one engine. */
export interface SqlDriver extends Driver {
  readonly dialect: SqlDialect
  query(query: SqlQuery, signal?: AbortSignal): Promise<SqlResult>
  /**
   * Runs all SQL queries in one transaction; each sees what earlier ones wrote. If one fails, all are rolled
   * back, and the error's details have its index.
   */
  batch(queries: readonly SqlQuery[], signal?: AbortSignal): Promise<SqlResult[]>
  /**
   * Runs an SQL statement that only reads. Its rows are those of the moment of the call, whatever is written
   * while they are read. @throws `InvalidArgument` for a statement that writes. Default: the engine has no
   * cursors (`Unsupported`, `sql.each`).
   */
  cursor?(query: SqlQuery): Promise<SqlCursor>
  /**
   * Begins an SQL transaction; other calls of the driver are not part of it. Default: the engine has no
   * interactive transactions (`Unsupported`).
   */
  begin?(): Promise<SqlTransactionDriver>
  /**
   * Lets each database grow by at most this many bytes; a statement that needs more fails. Rows can still be
   * read, and deleting them frees space for others. Only for drivers whose files are on the host's own disk.
   */
  limitGrowth?(bytes: number): void
  /**
   * Refuses SQL results of over this many bytes with `LimitExceeded` (details: `limit` is `resultBytes`),
   * and undoes what the statement has written. Only for drivers that hold a whole result in this process.
   */
  limitResult?(bytes: number): void
  /** Runs `work` under a lock that keeps other processes from migrating this database. Default: no lock. */
  exclusive?<T>(work: () => Promise<T>): Promise<T>
}

/** A cache on one backend. Every failure counts as a miss; no method throws. */
export interface CacheDriver extends Driver {
  /** Returns the cached response for a GET of `url` if it is still fresh. */
  match(url: string): Promise<Response | undefined>
  /** Caches a response for `ttlSeconds`, which is checked. The driver may consume the body. */
  put(url: string, response: Response, ttlSeconds: number): Promise<void>
  /** Removes the response cached for `url`. Resolves to true if there was one. */
  delete(url: string): Promise<boolean>
}

/** Driver of a secret: reads it from one backend. */
export interface SecretDriver extends Driver {
  get(): Promise<string | null>
}

/** Driver of a service binding: calls another app. */
export interface ServiceDriver extends Driver {
  fetch(request: Request): Promise<Response>
}

/** Driver of an assets binding: the static files of an app, on one target. */
export interface AssetsDriver extends Driver {
  /**
   * Answers a request for a static file in full (200, 206, 304, 307 or 416 to a GET or HEAD, 405 to other
   * methods), or returns undefined if no file matches. Under `notFound: 'single-page-application'` a request
   * that matches no file is answered with `/index.html`. With `fallback: 'navigation'` (the default, which
   * adapters use before they call the app) this holds only for page loads of a browser (`Sec-Fetch-Mode:
   * navigate`); with `always` (`env.assets.fetch`) it holds for every request.
   */
  serve(request: Request, options?: { fallback?: 'navigation' | 'always' }): Promise<Response | undefined>
}

/** A value that a column of a Durable Object's SQLite database can hold. */
export type ObjectCell = string | number | null | Uint8Array<ArrayBuffer>

/** The result of a statement on a Durable Object's database. */
export interface ObjectResult {
  columns: string[]
  rows: ObjectCell[][]
  /** Number of rows inserted, updated or deleted in a Durable Object's database. */
  changes: number
}

/** One SQLite database for each named object, for the Durable Objects of existing Workers. */
export interface ObjectsDriver extends Driver {
  /**
   * Runs one statement on the database of the Durable Object `object`, which is created if missing, and
   * returns its result synchronously. BEGIN and COMMIT are statements too. @throws SQLite's own errors.
   */
  query(object: string, text: string, params: readonly ObjectCell[]): ObjectResult
  /** Rolls back Durable Objects' open transactions whose caller was stopped. Default: callers never stop. */
  rollBack?(): void
  /** Returns true if Durable Object `object` has a database; creates none. Default: callers query it. */
  exists?(object: string): boolean
  /** Limits the growth of each Durable Object's database, as {@link SqlDriver.limitGrowth}. */
  limitGrowth?(bytes: number): void
  /** Limits the bytes of a Durable Object's result, as {@link SqlDriver.limitResult}. */
  limitResult?(bytes: number): void
}

/** The driver interface for each kind of binding. */
export interface DriverOf {
  kv: KvDriver
  /**
   * Drivers of `kv({ consistency: 'strong' })` have their own factory, so that a build knows which drivers
   * support it.
   */
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
  /**
   * Drivers of `sockets({ tickets: true })` have their own factory, so that a build knows which drivers
   * support it.
   */
  ticketedSockets: TicketedSocketsDriver
}

/** Factory of a driver; a driver module has one per kind: `export const kv: DriverFactory<'kv', Options>`. */
export type DriverFactory<Kind extends keyof DriverOf, Options = Record<string, never>> = (
  options: Options,
  context: DriverContext,
) => DriverOf[Kind] | Promise<DriverOf[Kind]>
