/** What the group `scale` measures at three sizes each, a factor of ten apart. */
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import type {
  BlobDriver,
  DriverContext,
  KvDriver,
  ObjectsDriver,
  QueueDriver,
} from '../../../core/bindings/drivers.ts'

/** What a span of work took. */
export interface Figures {
  operations: number
  /** Microseconds of CPU time of all of them. */
  cpu: number
  /** Milliseconds of the longest time that the event loop stood still. */
  held: number
  /** What else there is to say, for people. */
  note?: string
}

/** One operation at one size, and what ends it. */
export interface Operation {
  run(): unknown
  close?(): unknown
  /** In place of repeated runs, where what is measured is not this process. */
  measure?(): Promise<Figures>
}

/** Ours and the floor: the same work by hand. */
export interface ScaleWork {
  sizes: readonly [number, number, number]
  /** Rounds at most, where each takes seconds. Default: as many as any other work. */
  rounds?: number
  /** What an operation does, for people. */
  what: string
  ours(root: string, folder: string, size: number): Promise<Operation>
  floor(folder: string, size: number): Operation
}

const context = (dataDir: string): DriverContext => ({
  binding: 'things',
  app: 'bench',
  declaration: { kind: 'kv' } as never,
  variable: () => undefined,
  now: Date.now,
  dataDir,
})

/** A driver's module in a built checkout. */
async function driver<T>(root: string, file: string, kind: string, dataDir: string): Promise<T> {
  const module = (await import(
    pathToFileURL(join(root, 'dist/adapters/drivers', file, 'index.js')).href
  )) as Record<string, (options: object, context: DriverContext) => Promise<T>>
  return (module[kind] as (options: object, context: DriverContext) => Promise<T>)({}, context(dataDir))
}

/** The one SQLite file that a driver has made, opened beside it. */
function fileOf(folder: string): DatabaseSync {
  const file = readdirSync(folder, { recursive: true }).find((name) => String(name).endsWith('.sqlite'))
  return new DatabaseSync(join(folder, String(file)))
}

/** Runs `text` for 1 to `count` in one transaction. */
function fill(database: DatabaseSync, count: number, text: string): void {
  database.exec(
    `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) ${text} FROM n`,
  )
}

function bareKv(folder: string, size: number): DatabaseSync {
  const database = new DatabaseSync(join(folder, 'bare.sqlite'))
  database.exec(
    'PRAGMA journal_mode = WAL; CREATE TABLE kv (key TEXT NOT NULL PRIMARY KEY, value NOT NULL, metadata TEXT)',
  )
  fill(database, size, `INSERT INTO kv (key, value) SELECT printf('k%07d', i), 'v'`)
  return database
}

const kvList = (rows: string): ScaleWork => ({
  sizes: [10_000, 100_000, 1_000_000],
  what: `the first ten keys of a kv store on SQLite, behind ${rows}`,
  async ours(root, folder, size) {
    const kv = await driver<KvDriver>(root, 'sqlite', 'kv', folder)
    const database = fileOf(folder)
    const expiration = rows.includes('expired') ? String(Math.floor(Date.now() / 1000) - 10) : 'NULL'
    fill(
      database,
      size,
      `INSERT INTO "kv:bench:things" (key, value, expiration) SELECT printf('k%07d', i), 'v', ${expiration}`,
    )
    fill(database, 10, `INSERT INTO "kv:bench:things" (key, value) SELECT printf('z%07d', i), 'v'`)
    database.close()
    return { run: () => kv.list({ prefix: '', limit: 10 }), close: () => kv.close?.() }
  },
  floor(folder, size) {
    const list = bareKv(folder, size).prepare(
      'SELECT key, metadata FROM kv WHERE key >= ? ORDER BY key LIMIT 11',
    )
    return { run: () => list.all('') }
  },
})

const GROUP_BLOBS = 100
/** Hours that a host keeps. */
const HOURS = 24 * 32
const USAGE = {
  requests: 5,
  events: 0,
  cpuUs: 1234.5,
  hostCpuUs: 12.5,
  inlineCpuUs: 0,
  wallMs: 33.3,
  bytesIn: 10_000,
  bytesOut: 200_000,
  errors: 0,
  starts: 1,
  evictions: 0,
  heldBytes: 0,
  limits: {},
}

/** Works by id. */
export const SCALE: Readonly<Record<string, ScaleWork>> = {
  'scale.kv.list': kvList('entries that all live'),
  'scale.kv.expired': kvList('expired entries'),
  'scale.blob.delimiter': {
    sizes: [10, 100, 1000],
    what: `a page of groups of ${GROUP_BLOBS} blobs each, on files`,
    async ours(root, folder, size) {
      const blobs = await driver<BlobDriver>(root, 'fs', 'blob', folder)
      await blobs.put('zzz', new Uint8Array(1), { httpMetadata: {}, customMetadata: {} })
      const database = fileOf(folder)
      fill(
        database,
        size * GROUP_BLOBS,
        `INSERT INTO blobs (key, size, etag, uploaded, http, custom, file)
           SELECT printf('g%05d/%d', i / ${GROUP_BLOBS}, i), 1, 'e', 1, '{}', '{}', 'f' || i`,
      )
      database.close()
      return {
        run: () => blobs.list({ prefix: '', delimiter: '/', limit: 1000 }),
        close: () => blobs.close?.(),
      }
    },
    floor(folder, size) {
      const database = bareKv(folder, 1)
      fill(
        database,
        size * GROUP_BLOBS,
        `INSERT INTO kv (key, value) SELECT printf('g%05d/%d', i / ${GROUP_BLOBS}, i), 'v'`,
      )
      const next = database.prepare('SELECT key FROM kv WHERE key >= ? ORDER BY key LIMIT 1')
      const run = (): string[] => {
        const groups: string[] = []
        for (let from = ''; groups.length < 1000;) {
          const key = next.get(from)?.['key'] as string | undefined
          const at = key?.indexOf('/') ?? -1
          if (key === undefined || at < 0) break
          groups.push(key.slice(0, at + 1))
          from = `${key.slice(0, at)}0`
        }
        return groups
      }
      return { run }
    },
  },
  'scale.objects.open': {
    sizes: [10, 100, 1000],
    what: 'a read of one of so many Durable Objects in turn',
    async ours(root, folder, size) {
      const objects = await driver<ObjectsDriver>(root, 'sqlite', 'objects', folder)
      for (let index = 0; index < size; index++)
        objects.query(`o${index}`, 'CREATE TABLE t (k TEXT PRIMARY KEY, v)', [])
      let at = 0
      return {
        run: () => objects.query(`o${at++ % size}`, 'SELECT v FROM t WHERE k = ?1', ['a']),
        close: () => objects.close?.(),
      }
    },
    floor(folder, size) {
      const reads = Array.from({ length: size }, (_, index) => {
        const database = new DatabaseSync(join(folder, `o${index}.sqlite`))
        database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (k TEXT PRIMARY KEY, v)')
        return database.prepare('SELECT v FROM t WHERE k = ?1')
      })
      let at = 0
      return { run: () => reads[at++ % size]?.all('a') }
    },
  },
  'scale.queue.depth': {
    sizes: [1000, 10_000, 100_000],
    what: 'how many messages a queue on SQLite holds',
    async ours(root, folder, size) {
      const queue = await driver<QueueDriver>(root, 'sqlite', 'queue', folder)
      const body = { id: '', body: 'x', contentType: 'text', delaySeconds: 0 } as const
      for (let index = 0; index < size; index += 100)
        await queue.send(
          Array.from({ length: 100 }, (_, more) => ({ ...body, id: `m${index + more}` })) as never,
        )
      return { run: () => queue.depth?.(), close: () => queue.close?.() }
    },
    floor(folder, size) {
      const database = bareKv(folder, size)
      const count = database.prepare('SELECT count(*) FROM kv')
      return { run: () => count.get() }
    },
  },
  'scale.host.usage': {
    sizes: [10, 100, 1000],
    what: 'a save of what ten apps of a host have used, with so many apps that worked each hour of 32 days',
    async ours(root, folder, size) {
      const hours = Array.from({ length: HOURS }, (_, index) => index * 3_600_000)
      const store = join(root, 'dist/adapters/isolate/host/admin/usage-store.js')
      const used = (): Map<number, Map<string, object>> =>
        new Map([[0, new Map(Array.from({ length: 10 }, (_, app) => [`app-${app}`, { ...USAGE }]))]])
      if (!existsSync(store)) return usageFile(root, folder, hours, size, used)
      const { UsageStore } = (await import(pathToFileURL(store).href)) as {
        UsageStore: { open(path: string): { add(hours: unknown): Promise<void>; close(): void } }
      }
      const opened = UsageStore.open(join(folder, 'usage.sqlite'))
      for (const hour of hours)
        await opened.add(
          new Map([[hour, new Map(Array.from({ length: size }, (_, app) => [`app-${app}`, { ...USAGE }]))]]),
        )
      return { run: () => opened.add(used()), close: () => opened.close() }
    },
    floor(folder, size) {
      const database = new DatabaseSync(join(folder, 'bare.sqlite'))
      database.exec(
        `PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;
         CREATE TABLE used (hour INTEGER, app TEXT, n INTEGER, rest TEXT, PRIMARY KEY (hour, app)) WITHOUT ROWID`,
      )
      for (let hour = 0; hour < HOURS; hour++)
        fill(database, size, `INSERT INTO used SELECT ${hour}, 'app-' || (i - 1), 1, '${'x'.repeat(60)}'`)
      const add = database.prepare('UPDATE used SET n = n + 1 WHERE hour = 0 AND app = ?')
      const run = (): void => {
        database.exec('BEGIN')
        for (let app = 0; app < 10; app++) add.run(`app-${app}`)
        database.exec('COMMIT')
      }
      return { run }
    },
  },
}

/** How the commits before kept usage: in one file. */
async function usageFile(
  root: string,
  folder: string,
  hours: readonly number[],
  size: number,
  used: () => unknown,
): Promise<Operation> {
  const host = join(root, 'dist/adapters/isolate/host')
  const module = ['admin/usage-file.js', 'usage-file.js'].map((file) => join(host, file)).find(existsSync)
  if (module === undefined) throw new Error(`${root} keeps its usage in no way that this knows.`)
  const { UsageFile } = (await import(pathToFileURL(module).href)) as {
    UsageFile: new (path: string) => { add(hours: unknown, oldest: number): Promise<void> }
  }
  const apps = Object.fromEntries(Array.from({ length: size }, (_, app) => [`app-${app}`, USAGE]))
  const path = join(folder, 'usage.json')
  writeFileSync(
    path,
    JSON.stringify(Object.fromEntries(hours.map((hour) => [new Date(hour).toISOString(), apps]))),
  )
  const file = new UsageFile(path)
  return { run: () => file.add(used(), 0) }
}
