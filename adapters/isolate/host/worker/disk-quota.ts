import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Driver, ObjectsDriver, SqlDriver } from '../../../../core/bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../../../core/errors.ts'
import { weigh } from '../../guest/web/bridge/weigh.ts'

/** What {@link DiskQuota} needs. */
export interface DiskQuotaOptions {
  /** The app's data. */
  folder: string
  maxMb: number
  onHit(): void
}

/** Milliseconds between two looks at the folder; a look that takes long is made less often. */
const LOOK_MS = 1000
const SPARE = 20
/** Drivers that store in the app's folder. */
const EMBEDDED: ReadonlySet<string> = new Set(['sqlite', 'fs'])
/** Methods that store something. */
const WRITES: ReadonlySet<PropertyKey> = new Set(['put', 'putIf', 'send', 'start'])
/** SQLite's result code of a database that may not grow. */
const FULL = 13

/** One write under way: what was counted of it. */
interface Write {
  bytes: number
  exceeded: UnmoorError | undefined
}

/**
 * What one app may keep in its folder. Writes beyond it fail; what is there can be read and deleted, which
 * makes room again: databases may use their free pages and not grow. The folder is looked at about every
 * second, so that as much more may get in as is written in that time.
 */
export class DiskQuota {
  #options: DiskQuotaOptions
  #max: number
  #used = 0
  /** Bytes of bodies so far, and those of writes under way among them. */
  #counted = 0
  #pending = 0
  /** Open ones. */
  #databases = new Set<Pick<SqlDriver, 'limitGrowth'>>()
  #looking: Promise<void> | undefined
  #nextLook = 0

  constructor(options: DiskQuotaOptions) {
    this.#options = options
    this.#max = options.maxMb * 1024 * 1024
  }

  /** A driver that is held to the quota, where it stores in the app's folder. */
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
      // Nothing was stored.
      this.#add(-write.bytes)
      // A driver says of a body that failed no more than that.
      throw write.exceeded ?? error
    } finally {
      this.#pending -= write.bytes
    }
  }

  // A statement runs: SQLite keeps the database from growing, and tells one that has to from one that has
  // not.
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

  /** What a write brings is counted; a body whose length only its end tells, as it goes. */
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
      // Keys, metadata and messages take room too, in small pieces as much as a body.
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
    // What was known stays until the next look: it may have been no more than a lock of another process.
    this.#looking = this.#look().catch(() => undefined)
  }

  async #look(): Promise<void> {
    const begun = performance.now()
    try {
      const before = this.#counted - this.#pending
      const size = await sizeOf(this.#options.folder)
      // What came while the folder was looked at may be in it, or not yet; so may what was under way.
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

/** Bytes of a log of SQLite's that are no app's: it keeps its file after what it held is in the database. */
const LOG_BYTES = 8 * 1024 * 1024
/** Databases from this size on are asked for pages that deletions have freed: their files do not shrink. */
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
