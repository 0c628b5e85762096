import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Driver, ObjectsDriver, SqlDriver } from '../../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../../core/errors.ts'
import { weigh } from '../../guest/web/bridge/weigh.ts'

/** Options of {@link DiskQuota}, the limit of an app's data on disk. */
export interface DiskQuotaOptions {
  /** Folder of the app's data. */
  folder: string
  maxMb: number
  onHit(): void
}

/**
 * Least milliseconds between two measurements of the app's folder. `SPARE`: the pause after a measurement is
 * at least this many times its duration.
 */
const LOOK_MS = 1000
const SPARE = 20
/** Drivers that store in the app's folder. */
const EMBEDDED: ReadonlySet<string> = new Set(['sqlite', 'fs'])
/** Driver methods that store something on disk. */
const WRITES: ReadonlySet<PropertyKey> = new Set(['put', 'putIf', 'send', 'start'])
/** SQLite's result code SQLITE_FULL: the database may not grow. */
const FULL = 13

/** Bytes counted for one running write of a driver. */
interface Write {
  bytes: number
  exceeded: UnmoorError | undefined
}

/**
 * Enforces the disk quota of one app's folder. Writes beyond the quota fail; reads and deletions still work,
 * and deletions free space, as databases may reuse their free pages. The folder is measured about once a
 * second, so an app may exceed the quota by what it writes in that time.
 */
export class DiskQuota {
  #options: DiskQuotaOptions
  #max: number
  #used = 0
  /** Bytes of all the app's writes to disk so far. `#pending`: bytes of writes that are still running. */
  #counted = 0
  #pending = 0
  /** Open SQLite databases of the app, whose growth is limited. */
  #databases = new Set<Pick<SqlDriver, 'limitGrowth'>>()
  #looking: Promise<void> | undefined
  #nextLook = 0

  constructor(options: DiskQuotaOptions) {
    this.#options = options
    this.#max = options.maxMb * 1024 * 1024
  }

  /** Wraps a driver so that its writes respect the disk quota, if it stores in the app's folder. */
  async hold<T extends Driver>(created: T, kind: string, name: string): Promise<T> {
    if (!EMBEDDED.has(name) || kind === 'assets') return created
    if (kind === 'sql' || kind === 'objects') this.#databases.add(created as Pick<SqlDriver, 'limitGrowth'>)
    await (this.#looking ??= this.#look())
    if (kind === 'objects') return this.#objects(created as ObjectsDriver & T)
    return this.#wrap(created, kind)
  }

  #wrap<T extends object>(target: T, kind: string): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value: unknown = Reflect.get(object, name, object)
        if (name === 'uploads' && typeof value === 'object' && value !== null) return this.#wrap(value, kind)
        if (typeof value !== 'function') return value
        if (name === 'close') this.#databases.delete(object)
        if (kind === 'sql') return (...args: unknown[]) => this.#statement(value, object, args)
        if (!WRITES.has(name)) return value.bind(object) as unknown
        return (...args: unknown[]) => this.#write(value, object, args)
      },
    })
  }

  async #write(method: Function, object: object, args: unknown[]): Promise<unknown> {
    this.#check()
    const write: Write = { bytes: 0, exceeded: undefined }
    try {
      const counted = args.map((arg) => this.#body(arg, write))
      return await (Reflect.apply(method, object, counted) as unknown)
    } catch (error) {
      // A driver's failed write has stored nothing, so its bytes do not count for the disk quota.
      this.#add(-write.bytes)
      // Drivers report only that reading the body failed, so the disk quota's own error is thrown.
      throw write.exceeded ?? error
    } finally {
      this.#pending -= write.bytes
    }
  }

  // SQL statements always run. SQLite itself stops a database from growing, and knows which statements need
  // more space.
  #statement(method: Function, object: object, args: unknown[]): unknown {
    this.#lookSoon()
    const result: unknown = Reflect.apply(method, object, args)
    return result instanceof Promise
      ? result.then(
          (value: unknown) => (isTransaction(value) ? this.#wrap(value, 'sql') : value),
          (error: unknown) => {
            throw this.#fullError(error)
          },
        )
      : result
  }

  #objects<T extends ObjectsDriver>(driver: T): T {
    return new Proxy(driver, {
      get: (object, name) => {
        if (name === 'close') this.#databases.delete(object)
        if (name !== 'query') return Reflect.get(object, name, object) as unknown
        return (...args: Parameters<ObjectsDriver['query']>) => {
          this.#lookSoon()
          try {
            return object.query(...args)
          } catch (error) {
            throw this.#fullError(error)
          }
        }
      },
    })
  }

  #fullError(error: unknown): unknown {
    const cause = isUnmoorError(error) ? error.cause : error
    const code = (cause as { errcode?: unknown } | null | undefined)?.errcode
    return typeof code === 'number' && (code & 0xff) === FULL ? this.#exceeded() : error
  }

  /** Counts the bytes of an argument of a driver's write; a stream is counted as it is read. */
  #body(value: unknown, write: Write): unknown {
    const count = (bytes: number): void => {
      if (this.#used + bytes > this.#max) throw (write.exceeded ??= this.#exceeded())
      this.#add(bytes)
      this.#pending += bytes
      write.bytes += bytes
    }
    if (value instanceof Uint8Array) {
      count(value.byteLength)
      return value
    }
    if (!(value instanceof ReadableStream)) {
      // Keys, metadata and messages are counted for the disk quota too: many small ones take as much space as
      // a body.
      if (typeof value === 'string' || typeof value === 'object') count(weigh(value))
      return value
    }
    return value.pipeThrough(
      new TransformStream<Uint8Array, Uint8Array>({
        transform(chunk, controller) {
          count(chunk.byteLength)
          controller.enqueue(chunk)
        },
      }),
    )
  }

  #add(bytes: number): void {
    this.#used = Math.max(0, this.#used + bytes)
    this.#counted += bytes
  }

  #check(): void {
    this.#lookSoon()
    if (this.#used >= this.#max) throw this.#exceeded()
  }

  #exceeded(): UnmoorError {
    this.#options.onHit()
    const { maxMb } = this.#options
    return new UnmoorError(
      'LimitExceeded',
      `The app's data is at its limit of diskMb, ${maxMb} MB. Delete some, or raise limits.diskMb.`,
      { details: { limit: 'diskMb', actual: this.#used, max: this.#max } },
    )
  }

  #lookSoon(): void {
    if (this.#looking !== undefined || performance.now() < this.#nextLook) return
    // A failed measurement of the app's folder, perhaps due to a lock of another process, leaves the last
    // result in force.
    this.#looking = this.#look().catch(() => undefined)
  }

  async #look(): Promise<void> {
    const begun = performance.now()
    try {
      const before = this.#counted - this.#pending
      const size = await sizeOf(this.#options.folder)
      // Writes made during the measurement of the app's folder may or may not be in the result; count them on
      // top, to be safe.
      this.#used = size + Math.max(0, this.#counted - before)
      for (const database of this.#databases) database.limitGrowth?.(Math.max(0, this.#max - this.#used))
    } finally {
      const took = performance.now() - begun
      this.#nextLook = performance.now() + Math.max(LOOK_MS, SPARE * took)
      this.#looking = undefined
    }
  }
}

function isTransaction(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'rollback' in value
}

/**
 * Bytes of a SQLite WAL file that the disk quota does not count: the file keeps its size after a checkpoint.
 */
const LOG_BYTES = 8 * 1024 * 1024
/**
 * Size of a SQLite database in bytes from which on its free pages do not count for the disk quota: deletions
 * do not shrink the file.
 */
const ASKED_BYTES = 1024 * 1024
const MAX_ASKED = 20

async function sizeOf(folder: string): Promise<number> {
  let size = 0
  let asked = 0
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => [])
  for (const entry of entries) {
    if (!entry.isFile()) continue
    const path = join(entry.parentPath, entry.name)
    const bytes = (await stat(path).catch(() => undefined))?.size ?? 0
    if (entry.name.endsWith('-shm')) continue
    if (entry.name.endsWith('-wal')) size += Math.max(0, bytes - LOG_BYTES)
    else if (entry.name.endsWith('.sqlite') && bytes >= ASKED_BYTES && asked++ < MAX_ASKED)
      size += bytes - freeBytes(path)
    else size += bytes
  }
  return size
}

function freeBytes(path: string): number {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(path, { readOnly: true, timeout: 0 })
    const number = (pragma: string): number =>
      Object.values(database?.prepare(pragma).get() ?? {})[0] as number
    return number('PRAGMA freelist_count') * number('PRAGMA page_size')
  } catch {
    return 0
  } finally {
    database?.close()
  }
}
