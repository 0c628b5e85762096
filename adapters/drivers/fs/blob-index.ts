import process from 'node:process'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { BlobHttpMetadata, BlobRecord } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { ScanStart } from '../shared/blob-list.ts'
import { Gather } from '../shared/gather.ts'
import type { BlobIndex } from '../shared/indexed-blobs.ts'
import { type ArrayStatement, prepareArrays } from '../sqlite/array-statement.ts'
import { toUnmoorError } from '../sqlite/errors.ts'
import { inTransaction, openDatabase } from '../sqlite/open.ts'
import type { BlobFiles } from './files.ts'

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS blobs (
    key TEXT NOT NULL PRIMARY KEY,
    size INTEGER NOT NULL,
    etag TEXT NOT NULL,
    uploaded INTEGER NOT NULL,
    http TEXT NOT NULL,
    custom TEXT NOT NULL,
    file TEXT NOT NULL
  ) WITHOUT ROWID;
  -- Files that no key names: being written by a process, or to be removed by it.
  CREATE TABLE IF NOT EXISTS loose (
    file TEXT NOT NULL PRIMARY KEY,
    since INTEGER NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    started INTEGER NOT NULL
  ) WITHOUT ROWID;
`

type Row = [
  key: string,
  size: number,
  etag: string,
  uploaded: number,
  http: string,
  custom: string,
  file: string,
]

type LooseRow = [file: string, since: number, host: string, pid: number, started: number]

/**
 * Milliseconds without a write after which a loose blob file counts as left over by a crashed put, if the
 * process that wrote it cannot be asked.
 */
const ABANDONED_AFTER = 60 * 60_000
/**
 * Start of this process in seconds since 1970. The start and the pid together identify the writer of a blob
 * file: in a container, a later process often has the same pid.
 */
const STARTED = Math.round(Date.now() / 1000 - process.uptime())

/**
 * Number of index scans after which a list of blobs yields to the event loop: each group of a page costs a
 * scan.
 */
const SCANS = 100
/** Number of rows of the blob index that one step of {@link FsBlobIndex.leftovers} looks at. */
const LEFTOVERS = 200

/**
 * A call of {@link BlobIndex.replace} that waits for the transaction which all calls of one event-loop turn
 * share.
 */
interface Replacement {
  record: BlobRecord
  file: string
  check: (current: BlobRecord | undefined) => void
  /** File of the blob body that this write replaced. */
  replaced?: string
  /**
   * Why this write to the blob index was refused. Writes that share the transaction with it still take place.
   */
  refused?: unknown
}

/**
 * The SQLite index of blobs in files, in UTF-8 byte order of the keys (sqlite/kv.ts explains why TEXT has
 * that order). Concurrent puts share transactions, and so flushes to the disk.
 */
export class FsBlobIndex implements BlobIndex {
  #path: string
  #database: DatabaseSync
  #get: ArrayStatement<Row>
  #put: StatementSync
  #delete: StatementSync
  #scan: ArrayStatement<Row>
  #scanAfter: ArrayStatement<Row>
  #scans = 0
  #addLoose: StatementSync
  #loose: ArrayStatement<LooseRow>
  #dropLoose: StatementSync
  #announcing: Gather<[file: string, now: number]>
  #replacing: Gather<Replacement>

  constructor(folder: string, name: string, durable: boolean) {
    this.#path = join(folder, name)
    const database = openDatabase(this.#path, { synchronous: durable ? 'full' : 'normal' })
    this.#database = database
    try {
      database.exec(SCHEMA)
    } catch (error) {
      database.close()
      throw toUnmoorError(error, this.#path)
    }
    const columns = 'key, size, etag, uploaded, http, custom, file'
    this.#get = prepareArrays(database, `SELECT ${columns} FROM blobs WHERE key = ?`)
    this.#put = database.prepare(`INSERT OR REPLACE INTO blobs (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?)`)
    this.#delete = database.prepare('DELETE FROM blobs WHERE key = ?')
    this.#scan = prepareArrays(database, `SELECT ${columns} FROM blobs WHERE key >= ? ORDER BY key LIMIT ?`)
    this.#scanAfter = prepareArrays(
      database,
      `SELECT ${columns} FROM blobs WHERE key > ? ORDER BY key LIMIT ?`,
    )
    this.#addLoose = database.prepare(
      'INSERT OR REPLACE INTO loose (file, since, host, pid, started) VALUES (?, ?, ?, ?, ?)',
    )
    this.#loose = prepareArrays(
      database,
      'SELECT file, since, host, pid, started FROM loose WHERE file > ? ORDER BY file LIMIT ?',
    )
    this.#dropLoose = database.prepare('DELETE FROM loose WHERE file = ?')
    const together =
      <Item>(work: (item: Item) => void) =>
      (items: readonly Item[]): void =>
        this.#try(() => inTransaction(database, () => items.forEach(work)))
    this.#announcing = new Gather(
      together(([file, now]) => this.#loosen(file, now)),
      () => 0,
    )
    this.#replacing = new Gather(
      together((item) => this.#replace(item)),
      () => 0,
    )
  }

  get(key: string): { record: BlobRecord; file: string } | undefined {
    return this.#try(() => {
      const row = this.#get.get(key)
      return row === undefined ? undefined : { record: toRecord(row), file: row[6] }
    })
  }

  scan({ from, inclusive }: ScanStart, count: number): BlobRecord[] | Promise<BlobRecord[]> {
    const records = this.#try(() => (inclusive ? this.#scan : this.#scanAfter).all(from, count).map(toRecord))
    return ++this.#scans % SCANS === 0 ? nextTurn(records) : records
  }

  /** Records a blob file that is about to be written, so that it is removed if the process crashes. */
  announce(file: string, now: number): Promise<void> {
    return this.#announcing.add([[file, now]])
  }

  forget(file: string): void {
    this.#try(() => this.#dropLoose.run(file))
  }

  /**
   * Makes `file` the body of a blob's key in one transaction, unless `check` throws for the current record.
   * Returns the file that was replaced, which is now loose.
   */
  async replace(
    record: BlobRecord,
    file: string,
    check: (current: BlobRecord | undefined) => void,
  ): Promise<string | undefined> {
    const item: Replacement = { record, file, check }
    await this.#replacing.add([item])
    if ('refused' in item) throw item.refused
    return item.replaced
  }

  /** Applies one write to the blob index within a transaction. A refused write has changed nothing. */
  #replace(item: Replacement): void {
    const { record, file, check } = item
    const current = this.get(record.key)
    try {
      check(current?.record)
      // Another process, whose clock jumped, removed the file of this blob put as left over by a crash. The
      // put fails, so that no blob names a missing file.
      if (this.#dropLoose.run(file).changes !== 1)
        throw new UnmoorError(
          'Unavailable',
          `The put of ${JSON.stringify(record.key)} was interrupted; nothing was stored.`,
        )
    } catch (error) {
      item.refused = error
      return
    }
    const { key, size, etag, uploaded, httpMetadata, customMetadata } = record
    const [http, custom] = [JSON.stringify(httpMetadata), JSON.stringify(customMetadata)]
    this.#put.run(key, size, etag, uploaded, http, custom, file)
    if (current === undefined) return
    this.#loosen(current.file, uploaded)
    item.replaced = current.file
  }

  /** Removes blobs' keys from the index and returns their files, which are now loose. */
  delete(keys: readonly string[], now: number): string[] {
    return this.#try(() =>
      inTransaction(this.#database, () => {
        const files: string[] = []
        for (const key of keys) {
          const current = this.get(key)
          if (current === undefined) continue
          this.#delete.run(key)
          this.#loosen(current.file, now)
          files.push(current.file)
        }
        return files
      }),
    )
  }

  #loosen(file: string, now: number): void {
    this.#addLoose.run(file, now, hostname(), process.pid, STARTED)
  }

  /**
   * Takes abandoned blob files off the list of loose files: those whose process has ended, after the position
   * `after`. The caller removes the files. `last` is where the next step begins; undefined at the end.
   */
  leftovers(files: BlobFiles, now: number, after: string): { abandoned: string[]; last: string | undefined } {
    return this.#try(() => {
      const rows = this.#loose.all(after, LEFTOVERS)
      const abandoned = rows
        .filter((row) => {
          const [file, since] = row
          return hasEnded(row) || (now - since > ABANDONED_AFTER && files.idleFor(file) > ABANDONED_AFTER)
        })
        .map(([file]) => file)
      // Index rows of leftover blobs go before their files: a put that is still alive then sees that its file
      // is no longer listed.
      if (abandoned.length > 0)
        inTransaction(this.#database, () => {
          for (const file of abandoned) this.#dropLoose.run(file)
        })
      return { abandoned, last: rows.length < LEFTOVERS ? undefined : rows.at(-1)?.[0] }
    })
  }

  get isOpen(): boolean {
    return this.#database.isOpen
  }

  close(): void {
    this.#database.close()
  }

  #try<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      throw toUnmoorError(error, this.#path)
    }
  }
}

function toRecord([key, size, etag, uploaded, http, custom]: Row): BlobRecord {
  return {
    key,
    size,
    etag,
    uploaded,
    httpMetadata: JSON.parse(http) as BlobHttpMetadata,
    customMetadata: JSON.parse(custom) as Record<string, string>,
  }
}

/**
 * True if the process that wrote a loose blob file has certainly ended. False if in doubt: for a process of
 * another host, or if another running process has its pid.
 */
function hasEnded([, , host, pid, started]: LooseRow): boolean {
  if (host !== hostname()) return false
  if (pid === process.pid) return Math.abs(started - STARTED) > 2
  try {
    process.kill(pid, 0)
    return false
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH'
  }
}
