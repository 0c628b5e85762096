import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { inTransaction, openDatabase } from '../../../drivers/sqlite/open.ts'
import type { LimitName } from '../limits.ts'
import { addUsage, emptyUsage, type Usage } from '../usage.ts'

/** Usage by hour (start in milliseconds since 1970) and app. */
export type Hours = Map<number, Map<string, Usage>>

/** Adds an app's usage to its sum of one hour. */
export function addTo(hours: Hours, hour: number, app: string, usage: Usage): void {
  const apps = hours.get(hour) ?? new Map<string, Usage>()
  hours.set(hour, apps)
  const sum = apps.get(app) ?? emptyUsage()
  addUsage(sum, usage)
  apps.set(app, sum)
}

/** Filter of {@link UsageStore.read}; times in milliseconds since 1970. */
export interface UsageFilter {
  app?: string | undefined
  /** Earliest start of the hours of usage to read, inclusive. */
  from: number
  /** Latest start of the hours of usage to read, inclusive. */
  to: number
}

/** Usage of one app in an hour (start in milliseconds since 1970). */
export interface UsageRow {
  hour: number
  app: string
  usage: Usage
}

/** Column names of the usage table by field of {@link Usage}. */
const COLUMNS = {
  requests: 'requests',
  events: 'events',
  cpuUs: 'cpu_us',
  hostCpuUs: 'host_cpu_us',
  inlineCpuUs: 'inline_cpu_us',
  wallMs: 'wall_ms',
  bytesIn: 'bytes_in',
  bytesOut: 'bytes_out',
  errors: 'errors',
  starts: 'starts',
  evictions: 'evictions',
  heldBytes: 'held_bytes',
  socketMessages: 'socket_messages',
} as const satisfies Record<Exclude<keyof Usage, 'limits'>, string>
const KEYS = Object.keys(COLUMNS) as (keyof typeof COLUMNS)[]
/** Usage rows written or read in one turn of the event loop, which takes some milliseconds. */
const ROWS_PER_TURN = 500

type Row = Record<(typeof COLUMNS)[keyof typeof COLUMNS], number> & { app: string; limits: string | null }

/**
 * Usage as rows of a SQLite file, one per app and hour, so that the cost of a save depends only on what is
 * new.
 */
export class UsageStore {
  #database: DatabaseSync
  #addRow: StatementSync
  #addHits: StatementSync

  private constructor(database: DatabaseSync) {
    const names = Object.values(COLUMNS)
    const sums = names.map((name) =>
      name === COLUMNS.heldBytes
        ? `${name} = max(${name}, excluded.${name})`
        : `${name} = ${name} + excluded.${name}`,
    )
    this.#database = database
    this.#addRow = database.prepare(
      `INSERT INTO usage (hour, app, ${names.join(', ')}) VALUES (?, ?, ${names.map(() => '?').join(', ')})
       ON CONFLICT (hour, app) DO UPDATE SET ${sums.join(', ')}`,
    )
    this.#addHits = database.prepare(
      `INSERT INTO limit_hits (hour, app, name, hits) VALUES (?, ?, ?, ?)
       ON CONFLICT (hour, app, name) DO UPDATE SET hits = hits + excluded.hits`,
    )
  }

  /**
   * Opens the usage database.
   *
   * @throws an `UnmoorError` that names the file if it is no sound database.
   */
  static open(path: string): UsageStore {
    const database = openDatabase(path, { synchronous: 'normal' })
    const columns = Object.values(COLUMNS).map((name) => `${name} NOT NULL`)
    // The hour comes first in the key of the usage table, so that rows that are written together are stored
    // together.
    database.exec(
      `CREATE TABLE IF NOT EXISTS usage (hour INTEGER NOT NULL, app TEXT NOT NULL, ${columns.join(', ')},
         PRIMARY KEY (hour, app)) WITHOUT ROWID;
       CREATE TABLE IF NOT EXISTS limit_hits (hour INTEGER NOT NULL, app TEXT NOT NULL, name TEXT NOT NULL,
         hits INTEGER NOT NULL, PRIMARY KEY (hour, app, name)) WITHOUT ROWID;`,
    )
    // Usage databases from before 0.2 lack the column for WebSocket messages.
    const has = database
      .prepare("SELECT 1 FROM pragma_table_info('usage') WHERE name = ?")
      .get(COLUMNS.socketMessages)
    if (has === undefined)
      database.exec(`ALTER TABLE usage ADD COLUMN ${COLUMNS.socketMessages} NOT NULL DEFAULT 0`)
    return new UsageStore(database)
  }

  /**
   * Adds apps' usage to the hourly sums in the database. Written entries are removed from `hours`, so that a
   * retry after a failure adds only the rest.
   */
  async add(hours: Hours): Promise<void> {
    for (const [hour, apps] of hours) {
      while (apps.size > 0) {
        const some = [...apps.entries().take(ROWS_PER_TURN)]
        inTransaction(this.#database, () => this.#write(hour, some))
        for (const [app] of some) apps.delete(app)
        await nextTurn()
      }
      hours.delete(hour)
    }
  }

  /**
   * Adds an hour of an imported usage file once: if an import is repeated after a failure, hours already
   * stored are skipped.
   */
  import(hour: number, apps: Iterable<[app: string, usage: Usage]>): void {
    this.#database.exec('CREATE TABLE IF NOT EXISTS imported (hour INTEGER PRIMARY KEY)')
    const mark = this.#database.prepare('INSERT INTO imported (hour) VALUES (?) ON CONFLICT DO NOTHING')
    inTransaction(this.#database, () => {
      if (mark.run(hour).changes === 1) this.#write(hour, apps)
    })
  }

  /** Ends an import once its file has been renamed, so that another file can be imported. */
  endImport(): void {
    this.#database.exec('DROP TABLE IF EXISTS imported')
  }

  #write(hour: number, apps: Iterable<[app: string, usage: Usage]>): void {
    for (const [app, usage] of apps) {
      this.#addRow.run(hour, app, ...KEYS.map((key) => usage[key]))
      for (const [name, hits] of Object.entries(usage.limits)) this.#addHits.run(hour, app, name, hits)
    }
  }

  /** Deletes the usage of hours that began before `oldest`, one per turn of the event loop. */
  async prune(oldest: number): Promise<void> {
    const first = this.#database.prepare('SELECT min(hour) AS hour FROM usage WHERE hour < ?')
    const remove = ['usage', 'limit_hits'].map((table) =>
      this.#database.prepare(`DELETE FROM ${table} WHERE hour = ?`),
    )
    for (;;) {
      const { hour } = first.get(oldest) as { hour: number | null }
      if (hour === null) return
      inTransaction(this.#database, () => remove.forEach((statement) => statement.run(hour)))
      await nextTurn()
    }
  }

  /** Yields the apps' usage ordered by hour and app; other work runs between batches of some hundred rows. */
  async *read({ app, from, to }: UsageFilter): AsyncGenerator<UsageRow> {
    const next = this.#database.prepare('SELECT min(hour) AS hour FROM usage WHERE hour >= ? AND hour <= ?')
    const rows = this.#database.prepare(
      `SELECT *, (SELECT json_group_object(name, hits) FROM limit_hits AS hit
         WHERE hit.hour = usage.hour AND hit.app = usage.app) AS limits
       FROM usage WHERE hour = ? AND app > ? ${app === undefined ? '' : 'AND app = ?'}
       ORDER BY app LIMIT ${ROWS_PER_TURN}`,
    )
    for (let at = from; ; at++) {
      const { hour } = next.get(at, to) as { hour: number | null }
      if (hour === null) return
      at = hour
      for (let after: string | undefined = ''; after !== undefined;) {
        const some = rows.all(hour, after, ...(app === undefined ? [] : [app])) as unknown as Row[]
        for (const row of some) yield { hour, app: row.app, usage: toUsage(row) }
        after = some.length < ROWS_PER_TURN ? undefined : some.at(-1)?.app
        await nextTurn()
      }
    }
  }

  close(): void {
    this.#database.close()
  }
}

function toUsage(row: Row): Usage {
  const usage = emptyUsage()
  for (const key of KEYS) usage[key] = row[COLUMNS[key]]
  usage.limits = JSON.parse(row.limits ?? '{}') as Partial<Record<LimitName, number>>
  return usage
}
