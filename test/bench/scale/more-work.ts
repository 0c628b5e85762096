/** Works of the group `scale` that are more than one driver: idle queues, loops over rows, builds. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import type { DriverContext, ObjectsDriver, QueueDriver, SqlDriver } from '../../../core/bindings/drivers.ts'
import type * as Sql from '../../../core/bindings/sql.ts'
import { createSubject } from '../subject.ts'
import type { ScaleWork } from './work.ts'

/** A module of a built checkout. */
const load = <T>(root: string, file: string): Promise<T> =>
  import(pathToFileURL(join(root, 'dist', file)).href) as Promise<T>

function context(dataDir: string, declaration: object): DriverContext {
  return {
    binding: 'things',
    app: 'bench',
    declaration: declaration as never,
    variable: () => undefined,
    now: Date.now,
    dataDir,
  }
}

interface SqliteModule {
  queue(options: object, context: DriverContext): QueueDriver
  objects(options: object, context: DriverContext): ObjectsDriver
  sql(options: object, context: DriverContext): SqlDriver
}
const sqlite = (root: string): Promise<SqliteModule> => load(root, 'adapters/drivers/sqlite/index.js')

const ROWS =
  'WITH RECURSIVE n(i) AS (SELECT 1 AS i UNION ALL SELECT i + 1 AS i FROM n WHERE i < ?) SELECT i FROM n'

/** A project that a build reads; `files` are written below it. */
function project(folder: string, files: Iterable<[string, string]>): string {
  const dir = mkdtempSync(join(folder, 'project-'))
  for (const [name, text] of files) {
    mkdirSync(join(dir, name, '..'), { recursive: true })
    writeFileSync(join(dir, name), text)
  }
  return dir
}

function* assetFiles(size: number): Iterable<[string, string]> {
  yield ['package.json', '{"name":"scale","type":"module"}']
  yield [
    'src/app.ts',
    `import { defineApp, defineBindings, assets } from 'unmoor'
     export default defineApp({ bindings: defineBindings({ files: assets({ directory: './public' }) }) })`,
  ]
  for (let index = 0; index < size; index++) yield [`public/d${index % 50}/f${index}.txt`, 'x'.repeat(500)]
}

function* moduleFiles(size: number): Iterable<[string, string]> {
  yield ['package.json', '{"name":"scale","type":"module"}']
  const imports = Array.from({ length: size }, (_, index) => `import { f${index} } from './m${index}.ts'`)
  const calls = Array.from({ length: size }, (_, index) => `f${index}()`).join(' + ')
  yield [
    'src/app.ts',
    `import { defineApp } from 'unmoor'
     import { all } from './all.ts'
     export default defineApp({ fetch: () => new Response(String(all())) })`,
  ]
  yield ['src/all.ts', `${imports.join('\n')}\nexport const all = (): number => ${calls}\n`]
  for (let index = 0; index < size; index++)
    yield [
      `src/m${index}.ts`,
      `export function f${index}(): number { const list: number[] = [${index}]; return list.length }\n`,
    ]
}

function buildOf(files: (size: number) => Iterable<[string, string]>): ScaleWork['ours'] {
  return async (root, folder, size) => {
    const subject = createSubject('', root)
    const projectDir = project(folder, files(size))
    return { run: () => subject.build({ projectDir, target: 'node', outDir: join(folder, 'out') }) }
  }
}

export const MORE: Readonly<Record<string, ScaleWork>> = {
  'scale.objects.create': {
    sizes: [10, 100, 1000],
    what: 'a new Durable Object with a table, beside so many',
    async ours(root, folder, size) {
      const objects = (await sqlite(root)).objects({}, context(folder, { kind: 'objects' }))
      let made = 0
      const run = (): unknown => objects.query(`o${made++}`, 'CREATE TABLE t (k TEXT PRIMARY KEY, v)', [])
      for (let index = 0; index < size; index++) run()
      return { run, close: () => objects.close?.() }
    },
    floor(folder) {
      let made = 0
      const run = (): void => {
        const database = new DatabaseSync(join(folder, `o${made++}.sqlite`))
        database.exec('PRAGMA journal_mode = WAL; CREATE TABLE t (k TEXT PRIMARY KEY, v)')
        database.close()
      }
      return { run }
    },
  },
  'scale.host.queues': {
    sizes: [10, 100, 1000],
    what: 'a tenth of a second in which so many queues, each in a file of its own, wait for a message',
    async ours(root, folder, size) {
      const module = await sqlite(root)
      const end = new AbortController()
      for (let index = 0; index < size; index++) {
        const driver = module.queue(
          {},
          context(join(folder, `app-${index}`), { kind: 'queue', maxRetries: 3 }),
        )
        void driver.receive?.({ max: 10, leaseSeconds: 30, waitSeconds: 900, signal: end.signal })
      }
      return { run: () => sleep(100), close: () => end.abort() }
    },
    floor: () => ({ run: () => sleep(100) }),
  },
  'scale.sql.rows': {
    sizes: [1000, 10_000, 100_000],
    what: 'a loop over so many rows of SQLite (all of them at once before there was each)',
    async ours(root, folder, size) {
      const driver = (await sqlite(root)).sql({}, context(folder, { kind: 'sql' }))
      const { Sql: Database } = await load<typeof Sql>(root, 'core/bindings/sql.js')
      const db = new Database(driver, { binding: 'things' })
      const each = 'each' in (db as object)
      return {
        async run() {
          let sum = 0
          if (each) for await (const row of db.each<{ i: number }>(ROWS, [size])) sum += row.i
          else for (const row of await db.all<{ i: number }>(ROWS, [size])) sum += row.i
          return sum
        },
        close: () => driver.close?.(),
      }
    },
    floor(folder, size) {
      const rows = new DatabaseSync(join(folder, 'bare.sqlite')).prepare(ROWS)
      const run = (): number => {
        let sum = 0
        for (const row of rows.iterate(size)) sum += Number(row['i'])
        return sum
      }
      return { run }
    },
  },
  'scale.build.assets': {
    sizes: [20, 200, 2000],
    what: 'a build for node of an app with so many assets, against a recursive copy of them',
    ours: buildOf(assetFiles),
    floor(folder, size) {
      const dir = project(folder, assetFiles(size))
      const run = (): void => {
        rmSync(join(folder, 'out'), { recursive: true, force: true })
        cpSync(join(dir, 'public'), join(folder, 'out'), { recursive: true })
      }
      return { run }
    },
  },
  'scale.build.modules': {
    sizes: [10, 100, 1000],
    what: 'a build for node of an app of so many modules, against a bare rolldown bundle of them',
    ours: buildOf(moduleFiles),
    floor(folder, size) {
      const dir = project(folder, moduleFiles(size))
      const run = async (): Promise<void> => {
        const { rolldown } = await import('rolldown')
        const bundle = await rolldown({ input: join(dir, 'src/all.ts'), platform: 'node' })
        await bundle.write({ file: join(folder, 'out.mjs') })
        await bundle.close()
      }
      return { run }
    },
  },
}
