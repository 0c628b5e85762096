/** `unmoor migrate --target lambda`: the only thing that migrates a database of a function. */
import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import lambda from '../../adapters/lambda/index.ts'
import type { ArtifactInfo, MigrateReport } from '../../core/adapter.ts'
import { sql } from '../../core/bindings/declarations.ts'

const SERVER = process.env['UNMOOR_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'

const available = await new Promise<boolean>((resolve) => {
  const { hostname, port } = new URL(SERVER)
  const socket = connect(Number(port || 5432), hostname)
  socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
  socket.once('connect', () => socket.end())
})
if (!available) console.warn(`lambda migrate: skipped, no server answers at ${SERVER}`)

const first = {
  name: '0001_notes',
  checksum: 'a'.repeat(64),
  sql: { default: 'CREATE TABLE notes (id TEXT PRIMARY KEY);' },
}
const second = {
  name: '0002_when',
  checksum: 'b'.repeat(64),
  sql: { default: 'ALTER TABLE notes ADD COLUMN at TEXT;' },
}

function info(migrations: ArtifactInfo['migrations'], spec: object = {}): ArtifactInfo {
  const names = Object.keys(migrations)
  return {
    target: 'lambda',
    manifest: {
      version: 1,
      name: 'migrated',
      bindings: Object.fromEntries(names.map((name) => [name, sql({ migrations: './migrations' })])),
      fetch: true,
      queues: [],
      crons: {},
    },
    drivers: Object.fromEntries(names.map((name) => [name, { driver: 'postgres', ...spec }])),
    migrations,
    options: {},
    testChannel: false,
  }
}

function migrate(
  artifact: ArtifactInfo,
  more: { url?: string; variables?: Record<string, string> } = {},
): Promise<MigrateReport> {
  return lambda.migrate({
    dir: tmpdir(),
    info: artifact,
    dataDir: tmpdir(),
    variables: {},
    log: { info() {}, warn() {} },
    ...more,
  })
}

describe.runIf(available)('with a server', () => {
  const name = `unmoor_lambda_${randomUUID().replaceAll('-', '')}`
  const url = Object.assign(new URL(SERVER), { pathname: `/${name}` }).href
  const admin = postgres(SERVER, { max: 1, onnotice: () => {} })
  beforeAll(() => admin.unsafe(`CREATE DATABASE ${name}`))
  afterAll(async () => {
    await admin.unsafe(`DROP DATABASE ${name} WITH (FORCE)`)
    await admin.end()
  })

  it('applies what is new, each once, to the database of --url', async () => {
    expect(await migrate(info({ db: [first] }), { url })).toEqual({
      db: { applied: ['0001_notes'], already: [] },
    })
    expect(await migrate(info({ db: [first, second] }), { url })).toEqual({
      db: { applied: ['0002_when'], already: ['0001_notes'] },
    })
  })

  it('finds the database by its variable', async () => {
    expect(await migrate(info({ db: [first, second] }), { variables: { DATABASE_URL: url } })).toEqual({
      db: { applied: [], already: ['0001_notes', '0002_when'] },
    })
    expect(
      await migrate(info({ db: [first, second] }, { url: { env: 'NOTES_URL' } }), {
        variables: { NOTES_URL: url },
      }),
    ).toMatchObject({
      db: { applied: [] },
    })
  })

  it('refuses a migration that changed after it ran', async () => {
    await expect(
      migrate(info({ db: [{ ...first, checksum: 'c'.repeat(64) }, second] }), { url }),
    ).rejects.toMatchObject({ code: 'Conflict' })
  })
})

it('names the variable that is missing', async () => {
  await expect(migrate(info({ db: [first] }, { url: { env: 'NOTES_URL' } }))).rejects.toMatchObject({
    code: 'NotFound',
    message: expect.stringContaining('NOTES_URL'),
  })
})

it('refuses one --url for two databases', async () => {
  await expect(
    migrate(info({ db: [first], other: [second] }), { url: 'postgres://x' }),
  ).rejects.toMatchObject({
    code: 'InvalidArgument',
    message: expect.stringContaining('db, other'),
  })
})

it('does nothing for an app without migrations', async () => {
  expect(await migrate(info({}))).toEqual({})
})
