/** `unmoor migrate --status`, `--dry-run` and `new`, on every target with its real databases. */
import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir, readFile, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type CommandResult, runUnmoor } from '../unit/cli-process.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'

const SERVER = process.env['UNMOOR_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'

const available = await new Promise<boolean>((resolve) => {
  const { hostname, port } = new URL(SERVER)
  const socket = connect(Number(port || 5432), hostname)
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  socket.once('connect', () => socket.end())
})
if (!available) console.warn(`migrate lists, Postgres: skipped, no server answers at ${SERVER}`)

const app = (bindings: string): string => `
import { defineApp, defineBindings, secret, sql } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ ${bindings} }),
  fetch: () => new Response('hello'),
})
`
// The secret is set nowhere: none of these commands needs it.
const ONE = app(`token: secret(), db: sql({ migrations: 'migrations' })`)
const FIRST = 'CREATE TABLE notes (id INTEGER PRIMARY KEY, at TEXT);\n'
const SECOND = "-- two\nINSERT INTO notes VALUES (1, 'a;b'); -- one\nCREATE INDEX notes_at ON notes (at)\n"
const STATEMENTS = ["INSERT INTO notes VALUES (1, 'a;b')", 'CREATE INDEX notes_at ON notes (at)']

const runIn =
  (project: () => TempProject) =>
  (...args: string[]): Promise<CommandResult> =>
    runUnmoor(args, { cwd: project().dir })

const json = ({ stdout }: CommandResult): unknown => JSON.parse(stdout.trim().split('\n').at(-1) ?? '')

/** Returns paths and digests of all files below a folder; undefined if there is none. */
async function snapshot(dir: string): Promise<Record<string, string> | undefined> {
  if (!existsSync(dir)) return undefined
  const found: Record<string, string> = {}
  for (const entry of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name)
    found[path] = entry.isFile()
      ? createHash('sha256')
          .update(await readFile(path))
          .digest('hex')
      : 'folder'
  }
  return found
}

const TIME = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/

/** Checks both options before the first and the second migration, and that neither changes anything. */
async function checkTarget(
  project: TempProject,
  target: string,
  dialect: string,
  state: () => Promise<unknown>,
  urls: string[] = [],
): Promise<void> {
  const run = runIn(() => project)
  const migrate = (...args: string[]): Promise<CommandResult> =>
    run('migrate', '--target', target, ...urls, ...args)
  await project.write({ 'migrations/0001_notes.sql': FIRST })
  await rm(join(project.dir, 'migrations/0002_more.sql'), { force: true })
  expect(await run('build', '--target', target)).toMatchObject({ code: 0 })
  const empty = await state()
  expect(await migrate('--status')).toMatchObject({
    code: 0,
    stdout: `db (${dialect}): 0 applied, 1 pending\n  pending  0001_notes\n`,
  })
  expect(await migrate('--dry-run')).toMatchObject({
    code: 0,
    stdout: `-- db (${dialect}): 1 to apply\n-- 0001_notes\n${FIRST}`,
  })
  expect(await state()).toEqual(empty)
  expect(await migrate()).toMatchObject({ code: 0, stdout: 'db: applied 0001_notes (0 had been)\n' })

  await project.write({ 'migrations/0002_more.sql': SECOND })
  expect(await run('build', '--target', target)).toMatchObject({ code: 0 })
  const migrated = await state()
  expect(migrated).not.toEqual(empty)
  expect(json(await migrate('--status', '--reporter', 'json'))).toEqual({
    target,
    bindings: {
      db: {
        dialect,
        migrations: [
          { name: '0001_notes', state: 'applied', appliedAt: expect.stringMatching(TIME) },
          { name: '0002_more', state: 'pending' },
        ],
      },
    },
  })
  expect(json(await migrate('--dry-run', '--reporter', 'json'))).toEqual({
    target,
    dryRun: true,
    bindings: { db: { dialect, pending: [{ name: '0002_more', statements: STATEMENTS }] } },
  })
  expect(await state()).toEqual(migrated)
}

describe('with sqlite', () => {
  let project: TempProject
  beforeAll(async () => {
    project = await tempProject({
      'src/app.ts': ONE,
      'unmoor.config.ts': `export default { targets: { lambda: { drivers: { db: 'sqlite' } } } }`,
    })
  })
  afterAll(() => project[Symbol.asyncDispose]())

  it.each(['node', 'isolate', 'lambda'])(
    '%s: --status and --dry-run list the migrations and create no file',
    async (target) => {
      const data = join(project.dir, '.unmoor/data', target)
      expect(await snapshot(data)).toBe(undefined)
      await checkTarget(project, target, 'sqlite', () => snapshot(data))
    },
  )

  it("cloudflare: --status and --dry-run list the migrations of the simulator's D1", async () => {
    const data = join(project.dir, '.unmoor/data/cloudflare')
    // Workerd keeps -wal and -shm files, so only the existence of the data folder is compared.
    await checkTarget(project, 'cloudflare', 'sqlite', () => Promise.resolve(existsSync(data)))
    const run = runIn(() => project)
    expect(await run('migrate', '--target', 'cloudflare', '--status', '--url', 'x')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('wrangler d1 migrations list DATABASE --remote'),
    })
    expect(
      (await run('migrate', '--target', 'cloudflare', '--status', '--data-dir', 'none')).stderr,
    ).toContain('wrangler d1 migrations list DATABASE --remote')
  })

  it('node: --status names what changed and what is gone, which --dry-run refuses', async () => {
    const run = runIn(() => project)
    const migrate = (...args: string[]): Promise<CommandResult> =>
      run('migrate', '--target', 'node', '--data-dir', 'problems', ...args)
    const build = async (files: Record<string, string>): Promise<void> => {
      await rm(join(project.dir, 'migrations'), { recursive: true, force: true })
      await project.write(files)
      expect(await run('build', '--target', 'node')).toMatchObject({ code: 0 })
    }
    await build({ 'migrations/0001_notes.sql': FIRST, 'migrations/0002_more.sql': SECOND })
    expect(await migrate()).toMatchObject({ code: 0 })
    expect((await migrate('--dry-run')).stdout).toBe('-- db (sqlite): nothing to apply\n')
    await build({ 'migrations/0001_notes.sql': `${FIRST}-- changed\n` })
    const { code, stdout } = await migrate('--status')
    expect(code).toBe(0)
    expect(stdout).toMatch(/applied {2}0001_notes {2}\S+Z {2}its text changed after it ran/)
    expect(stdout).toMatch(/applied {2}0002_more {3}\S+Z {2}its file is gone/)
    expect(await migrate('--dry-run')).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('"0001_notes" changed after it ran'),
    })
  })

  it('node: an artifact that cannot list migrations says so, and applies none', async () => {
    expect(await runIn(() => project)('build', '--target', 'node')).toMatchObject({ code: 0 })
    await project.write({
      '.unmoor/node/server.mjs': `
const error = { code: 'InvalidArgument', message: 'Unknown command "' + process.argv[2] + '".' }
process.send({ type: 'failed', error }, () => process.exit(1))`,
    })
    const run = runIn(() => project)
    expect(await run('migrate', '--target', 'node', '--status')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('cannot list migrations. Build the app again.'),
    })
  })
})

describe.runIf(available)('with Postgres', () => {
  const name = `unmoor_lists_${randomUUID().replaceAll('-', '')}`
  const url = Object.assign(new URL(SERVER), { pathname: `/${name}` }).href
  const admin = postgres(SERVER, { max: 1, onnotice: () => {} })
  let project: TempProject
  beforeAll(async () => {
    await admin.unsafe(`CREATE DATABASE ${name}`)
    project = await tempProject({
      'src/app.ts': ONE,
      '.env': `DATABASE_URL=${url}\n`,
      'unmoor.config.ts': `export default { drivers: { db: 'postgres' } }`,
    })
  })
  afterAll(async () => {
    await admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.end()
    await project[Symbol.asyncDispose]()
  })

  it.each([
    ['node', []],
    ['isolate', []],
    ['lambda', ['--url', url]],
    ['cloudflare', ['--url', url]],
  ])(
    '%s with the options %j: --status and --dry-run list the migrations and create no table',
    async (target, urls) => {
      const own = postgres(url, { max: 1, onnotice: () => {} })
      try {
        await own.unsafe('DROP SCHEMA public CASCADE; CREATE SCHEMA public')
        await checkTarget(
          project,
          target,
          'postgres',
          async () => {
            const tables = await own`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`
            const ran = tables.length === 0 ? [] : await own`SELECT * FROM unmoor_migrations ORDER BY name`
            return [[...tables], [...ran]]
          },
          urls,
        )
      } finally {
        await own.end()
      }
    },
  )
})

describe('unmoor migrate new', () => {
  it('creates the next file in the folder of the database, and prints its path', async () => {
    await using project = await tempProject({ 'src/app.ts': ONE })
    const run = runIn(() => project)
    expect(await run('migrate', 'new', 'add_notes')).toMatchObject({
      code: 0,
      stdout: 'migrations/0001_add_notes.sql\n',
    })
    // The first file, which is not written yet, does not keep a second from being created.
    const second = await run('migrate', 'new', 'more', '--reporter', 'json')
    expect(json(second)).toEqual({
      binding: 'db',
      name: '0002_more',
      path: expect.stringMatching(/migrations\/0002_more\.sql$/),
    })
    expect((await readdir(join(project.dir, 'migrations'))).toSorted()).toEqual([
      '0001_add_notes.sql',
      '0002_more.sql',
    ])
    expect(await run('build', '--target', 'node')).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Write its statements'),
    })
  })

  it('with several databases it asks for --database, with the list', async () => {
    await using project = await tempProject({
      'src/app.ts': app(`
        users: sql({ migrations: 'sql/users' }), logs: sql({ migrations: 'sql/logs' }), bare: sql()`),
    })
    const run = runIn(() => project)
    expect(await run('migrate', 'new', 'a')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('several databases: users, logs. Name one: --database users'),
    })
    expect(await run('migrate', 'new', 'a', '--database', 'log')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('no database "log". Databases: users, logs, bare.'),
    })
    expect(await run('migrate', 'new', 'a', '--database', 'bare')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Declare it: bare: sql({ migrations: './migrations' })."),
    })
    expect(existsSync(join(project.dir, 'sql'))).toBe(false)
    for (const args of [
      ['migrate', 'new', 'a', '--database', 'logs'],
      ['migrate', '--database', 'logs', 'new', 'b'],
    ])
      expect(await run(...args)).toMatchObject({ code: 0 })
    expect((await readdir(join(project.dir, 'sql/logs'))).toSorted()).toEqual(['0001_a.sql', '0002_b.sql'])
    expect(existsSync(join(project.dir, 'sql/users'))).toBe(false)
  })

  it("takes a Worker's database by the name in its env", async () => {
    await using project = await tempProject({
      'src/index.ts': `export default { fetch: () => new Response('hello') }\n`,
      'wrangler.json': JSON.stringify({
        name: 'shop',
        main: 'src/index.ts',
        compatibility_date: '2026-01-01',
        d1_databases: [
          { binding: 'DB', database_id: 'db', migrations_dir: 'own' },
          { binding: 'LOGS', database_id: 'logs', migrations_dir: 'own' },
        ],
      }),
      'own/0004_first.sql': FIRST,
    })
    expect(
      await runIn(() => project)('migrate', 'new', 'next', '--worker', 'wrangler.json', '--database', 'DB'),
    ).toMatchObject({ code: 0, stdout: 'own/0005_next.sql\n' })
  })
})
