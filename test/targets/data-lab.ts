import { randomUUID } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { sql } from '../../adapters/drivers/sqlite/index.ts'
import type { DriverSpec } from '../../core/adapter.ts'
import { sql as declareSql } from '../../core/bindings/declarations.ts'
import { migrate } from '../../core/bindings/migrations.ts'
import type { SqlDriver } from '../../core/bindings/drivers.ts'
import { readMigrations } from '../../core/tools/build/migrations.ts'
import { createArchive } from '../../core/tools/data/archive-sink.ts'
import type { Live } from '../../core/tools/data/live.ts'
import { openLive } from '../../core/tools/data/place.ts'
import { transfer } from '../../core/tools/data/transfer.ts'
import { driverContext } from '../drivers/contracts/harness.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'

/** A project with one binding of each kind that holds data, strong kv included. */
export function dataProject(): Promise<TempProject> {
  return tempProject({
    'package.json': '{ "name": "mover", "type": "module" }',
    'src/app.ts': `import { blob, defineApp, defineBindings, kv, sql } from 'unmoor'
const bindings = defineBindings({ links: kv(), counts: kv({ consistency: 'strong' }), files: blob(), db: sql({ migrations: './migrations' }) })
export default defineApp({ bindings, fetch: () => new Response('ok') })
`,
    'migrations/0001_first.sql': `CREATE TABLE posts (user_id TEXT NOT NULL, number INTEGER NOT NULL, body TEXT, PRIMARY KEY (user_id, number));
CREATE TABLE counters (id BIGINT PRIMARY KEY, label TEXT);`,
    'migrations/0002_users.sqlite.sql': `CREATE TABLE users (id TEXT PRIMARY KEY, n BIGINT, r DOUBLE PRECISION, ok BOOLEAN, raw BLOB, small INTEGER);
CREATE TABLE notes (id INTEGER PRIMARY KEY AUTOINCREMENT, user_id TEXT NOT NULL REFERENCES users (id), text TEXT);`,
    'migrations/0002_users.postgres.sql': `CREATE TABLE users (id TEXT PRIMARY KEY, n BIGINT, r DOUBLE PRECISION, ok BOOLEAN, raw BYTEA, small INTEGER);
CREATE TABLE notes (id SERIAL PRIMARY KEY, user_id TEXT NOT NULL REFERENCES users (id), text TEXT);`,
  })
}

/** A project, a filled source of each kind, and a folder for what a test makes of them. */
export interface DataLab extends AsyncDisposable {
  project: TempProject
  scratch: string
  source: Live
  /** A data folder of its own. */
  dataDir(name: string): string
  /** The file of a new journal. */
  journal(): string
  /** Fills a data folder so that a transfer of its `links` and `files` takes long enough to be killed. */
  fillMany(name: string): Promise<void>
  /** Writes an archive of some bindings, of the source where no other is given. */
  archive(name: string, from?: Live, bindings?: readonly string[]): Promise<string>
}

export async function dataLab(): Promise<DataLab> {
  const project = await dataProject()
  const scratch = await mkdtemp(join(tmpdir(), 'unmoor-data-test-'))
  const dataDir = (name: string): string => join(scratch, name)
  const journal = (): string => join(scratch, `${randomUUID()}.json`)
  const source = await openStores(project, { dataDir: dataDir('source') })
  await fillKv(source, 'links')
  await fillKv(source, 'counts', 10)
  await fillBlobs(source, 'files')
  await migrateSqlite(project, dataDir('source'))
  const database = await sqliteFile(dataDir('source'))
  fillSqlite(database)
  database.close()
  return {
    project,
    scratch,
    source,
    dataDir,
    journal,
    async fillMany(name) {
      const many = await openStores(project, { dataDir: dataDir(name), bindings: ['links', 'files'] })
      await fillKv(many, 'links', 12_000)
      await fillBlobs(
        many,
        'files',
        Array.from({ length: 40 }, () => 50_000),
      )
      await many.close()
    },
    async archive(name, from = source, bindings = Object.keys(from.bindings)) {
      const dir = dataDir(name)
      const sink = await createArchive(
        dir,
        'mover',
        Object.fromEntries(bindings.map((binding) => [binding, from.bindings[binding] as 'kv'])),
      )
      await transfer(from, sink, { journal: journal(), bindings })
      return dir
    },
    async [Symbol.asyncDispose]() {
      await source.close()
      await project[Symbol.asyncDispose]()
      await rm(scratch, { recursive: true, force: true })
    },
  }
}

/** Opens a target's stores; `drivers` and `dataDir` set them apart. */
export function openStores(
  project: TempProject,
  options: {
    target?: string
    drivers?: Record<string, string | DriverSpec>
    dataDir?: string
    envFile?: string
    bindings?: string[]
  } = {},
): Promise<Live> {
  const { target = 'node', ...rest } = options
  return openLive(target, { projectDir: project.dir, exclude: [], ...rest })
}

/** Applies the project's migrations with a driver. */
export async function applyMigrations(project: TempProject, driver: SqlDriver): Promise<void> {
  await migrate(driver, 'db', await readMigrations(join(project.dir, 'migrations'), 'db'))
}

/** Makes the tables of `db` below a data folder. */
export async function migrateSqlite(project: TempProject, dataDir: string): Promise<void> {
  const driver = await sql(
    {},
    { ...driverContext({ app: 'mover', binding: 'db' }), dataDir, declaration: declareSql() },
  )
  await applyMigrations(project, driver)
  await driver.close?.()
}

/** The SQLite file of the binding `db` below a data folder. */
export async function sqliteFile(dataDir: string): Promise<DatabaseSync> {
  for (const entry of await readdir(dataDir, { recursive: true })) {
    if (/(^|\/)(sql-)?db\.(sqlite|db)$/.test(entry)) return new DatabaseSync(join(dataDir, entry))
  }
  throw new Error(`no database below ${dataDir}: ${(await readdir(dataDir, { recursive: true })).join(', ')}`)
}

const text = new TextEncoder()
/** Well after any run of these tests. */
const LATER = 2_000_000_000

/**
 * Entries of every form: text, bytes, a byte order mark, metadata, expiry, keys whose order in UTF-16 is
 * another.
 */
export async function fillKv(live: Live, binding: string, count = 200): Promise<void> {
  const writer = live.kvWriter(binding)
  await writer.write([
    { key: 'bytes', value: new Uint8Array([255, 0, 254]) },
    { key: 'mark', value: new Uint8Array([0xef, 0xbb, 0xbf, 65]) },
    { key: 'empty', value: new Uint8Array(0) },
    { key: '\uff61', value: text.encode('halfwidth') },
    { key: '\u{1f600}', value: text.encode('smile') },
    { key: 'nul\0key', value: text.encode('nul\0value') },
    {
      key: 'meta',
      value: text.encode('x'),
      metadata: JSON.stringify({ b: 1, a: ['ü', null] }),
      expiration: LATER,
    },
  ])
  for (let at = 0; at < count; at += 100) {
    const some = Array.from({ length: Math.min(100, count - at) }, (_, index) => ({
      key: `key-${at + index}`,
      value: text.encode(`value ${at + index}`),
    }))
    await writer.write(some)
  }
}

/** Blobs from nothing to a megabyte, two with the same bytes. */
export async function fillBlobs(
  live: Live,
  binding: string,
  sizes: readonly number[] = [0, 1, 1000, 1000, 100_000, 1_000_000],
): Promise<void> {
  const writer = live.blobWriter(binding)
  for (const [index, size] of sizes.entries()) {
    const bytes = new Uint8Array(size).map((_, at) => (at * 31) % 251)
    await writer.write({
      key: `folder/${String(index).padStart(3, '0')} ü.bin`,
      size,
      httpMetadata: { contentType: `application/x-${index}`, cacheControl: 'no-store' },
      customMetadata: { number: String(index) },
      open: async () => bytes,
    })
  }
}

/** Rows with what engines like to change: large integers, doubles, truth values, bytes, quotes, nothing. */
export function fillSqlite(database: DatabaseSync, rows = 1203): void {
  const users = database.prepare('INSERT INTO users (id, n, r, ok, raw, small) VALUES (?, ?, ?, ?, ?, ?)')
  users.run('a', 9007199254740993n, 0.1, 1, new Uint8Array([1, 2, 0]), 5)
  users.run('é', -1n, 3, 0, null, null)
  users.run('z "quoted" \'it\'', null, 1e300, null, new Uint8Array(0), 0)
  users.run('\u{1f600}', 9223372036854775807n, 5e-324, 1, null, -1)
  const notes = database.prepare('INSERT INTO notes (user_id, text) VALUES (?, ?)')
  for (const word of ['one', 'two', 'three']) notes.run('a', word)
  const posts = database.prepare('INSERT INTO posts (user_id, number, body) VALUES (?, ?, ?)')
  database.exec('BEGIN')
  for (let index = 0; index < rows; index++)
    posts.run(index % 2 === 0 ? 'a' : 'é', BigInt(index), `body ${index}`)
  database.exec('COMMIT')
  const counters = database.prepare('INSERT INTO counters (id, label) VALUES (?, ?)')
  for (const id of [-5n, 2n, 10n, 9007199254740995n]) counters.run(id, null)
}
