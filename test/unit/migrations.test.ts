import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { sql as openSql } from '../../adapters/drivers/sqlite/index.ts'
import type { SqlDriver } from '../../core/bindings/drivers.ts'
import {
  migrate,
  type Migration,
  migrationStates,
  pendingMigrations,
  recordedMigrations,
} from '../../core/bindings/migrations.ts'

let dir: string
const opened: SqlDriver[] = []
beforeEach(() => void (dir = mkdtempSync(join(tmpdir(), 'unmoor-migrations-'))))
afterEach(async () => {
  for (const driver of opened.splice(0)) await driver.close?.()
  rmSync(dir, { recursive: true, force: true })
})

async function open(readOnly = false): Promise<SqlDriver> {
  const driver = await openSql(
    {},
    {
      binding: 'db',
      app: 'test',
      declaration: { kind: 'sql' },
      dataDir: dir,
      variable: () => undefined,
      now: Date.now,
      readOnly,
    },
  )
  opened.push(driver)
  return driver
}

const first: Migration = {
  name: '0001_a',
  checksum: 'one',
  sql: { default: 'CREATE TABLE a (n INTEGER); INSERT INTO a VALUES (1);' },
}
const second: Migration = {
  name: '0002_b',
  checksum: 'two',
  sql: { sqlite: 'INSERT INTO a VALUES (2)', postgres: 'this is for the other engine' },
}
const rows = async (driver: SqlDriver): Promise<unknown> =>
  (await driver.query({ text: 'SELECT n FROM a ORDER BY n', params: [] })).rows

it('applies each once, in order, the text of its engine', async () => {
  const driver = await open()
  expect(await migrate(driver, 'db', [first])).toEqual({ applied: ['0001_a'], already: [] })
  expect(await migrate(driver, 'db', [first, second])).toEqual({ applied: ['0002_b'], already: ['0001_a'] })
  expect(await rows(driver)).toEqual([[1], [2]])
})

it('rolls back the one that fails and names its statement', async () => {
  const driver = await open()
  const broken: Migration = {
    name: '0002_broken',
    checksum: 'x',
    sql: { default: 'INSERT INTO a VALUES (9); INSERT INTO nothing VALUES (1)' },
  }
  await expect(migrate(driver, 'db', [first, broken])).rejects.toThrow(
    /"0002_broken" failed at statement 2 .*rolled back/,
  )
  expect(await rows(driver)).toEqual([[1]])
  await migrate(driver, 'db', [first, second])
  expect(await rows(driver)).toEqual([[1], [2]])
})

it('refuses one that changed, went away, or comes late', async () => {
  const driver = await open()
  await migrate(driver, 'db', [first, second])
  await expect(migrate(driver, 'db', [{ ...first, checksum: 'other' }, second])).rejects.toMatchObject({
    code: 'Conflict',
    retryable: false,
    message: expect.stringContaining('"0001_a" changed') as string,
  })
  await expect(migrate(driver, 'db', [second])).rejects.toThrow(/"0001_a".*file is gone/)
  await expect(migrate(driver, 'db', [first, { ...first, name: '0001_b' }, second])).rejects.toThrow(
    /"0001_b" sorts before/,
  )
  await expect(
    migrate(driver, 'db', [first, second, { name: '0003_c', checksum: 'c', sql: { postgres: 'SELECT 1' } }]),
  ).rejects.toThrow(/0003_c.sqlite.sql/)
})

it('lets racing processes apply each once', async () => {
  const drivers = await Promise.all(Array.from({ length: 4 }, () => open()))
  const runs = await Promise.all(drivers.map((driver) => migrate(driver, 'db', [first, second])))
  expect(runs.flatMap(({ applied }) => applied).toSorted()).toEqual(['0001_a', '0002_b'])
  expect(await rows(drivers[0] as SqlDriver)).toEqual([[1], [2]])
})

it('recordedMigrations reads what ran and when, and creates no table', async () => {
  const driver = await open()
  expect(await recordedMigrations(driver)).toEqual({ dialect: 'sqlite', applied: [] })
  expect((await driver.query({ text: 'SELECT name FROM sqlite_schema', params: [] })).rows).toEqual([])
  const before = new Date().toISOString()
  await migrate(driver, 'db', [first])
  const { applied } = await recordedMigrations(driver)
  expect(applied).toEqual([{ name: '0001_a', checksum: 'one', appliedAt: expect.any(String) }])
  const at = applied[0]?.appliedAt ?? ''
  expect([at >= before, at <= new Date().toISOString()]).toEqual([true, true])
})

it('a read-only sqlite driver finds no database as an empty one, and creates nothing', async () => {
  const driver = await open(true)
  expect(await recordedMigrations(driver)).toEqual({ dialect: 'sqlite', applied: [] })
  expect(readdirSync(dir)).toEqual([])
})

it('a read-only sqlite driver reads a database, writes none of it, and leaves no file behind', async () => {
  const writer = await open()
  await migrate(writer, 'db', [first])
  await opened.pop()?.close?.()
  const files = (): [string, string][] =>
    readdirSync(join(dir, 'test')).map((name) => [name, readFileSync(join(dir, 'test', name), 'base64')])
  const before = files()
  const reader = await open(true)
  expect(await recordedMigrations(reader)).toMatchObject({ applied: [{ name: '0001_a' }] })
  await expect(reader.query({ text: 'INSERT INTO a VALUES (2)', params: [] })).rejects.toThrow()
  await opened.pop()?.close?.()
  expect(files()).toEqual(before)
})

it('migrationStates names what is applied and pending, and why migrate would refuse', () => {
  const at = '2026-01-02T03:04:05.678Z'
  const ran = (name: string, checksum: string): { name: string; checksum: string; appliedAt: string } => ({
    name,
    checksum,
    appliedAt: at,
  })
  expect(migrationStates([first, second], [ran('0001_a', 'one')])).toEqual([
    { name: '0001_a', state: 'applied', appliedAt: at },
    { name: '0002_b', state: 'pending' },
  ])
  const late: Migration = { ...first, name: '0001_b' }
  expect(
    migrationStates(
      [first, late, second],
      [ran('0000_gone', 'x'), ran('0001_a', 'old'), ran('0002_b', 'two')],
    ),
  ).toEqual([
    { name: '0000_gone', state: 'applied', appliedAt: at, problem: 'removed' },
    { name: '0001_a', state: 'applied', appliedAt: at, problem: 'changed' },
    { name: '0001_b', state: 'pending', problem: 'late' },
    { name: '0002_b', state: 'applied', appliedAt: at },
  ])
  expect(pendingMigrations('db', [first, second], [ran('0001_a', 'one')])).toEqual([second])
  expect(() => pendingMigrations('db', [first], [ran('0001_a', 'old')])).toThrow(/"0001_a" changed/)
})

it('accepts migrations of a newer version on request, as an older one starts again after a rollback', async () => {
  const driver = await open()
  await migrate(driver, 'db', [first, second])
  await expect(migrate(driver, 'db', [first])).rejects.toThrow(/"0002_b".*file is gone/)
  const told: string[] = []
  const run = await migrate(driver, 'db', [first], (names) => void told.push(...names))
  expect([run, told]).toEqual([{ applied: [], already: ['0001_a'] }, ['0002_b']])
  await expect(migrate(driver, 'db', [second], () => undefined)).rejects.toThrow(/"0001_a".*file is gone/)
  await expect(migrate(driver, 'db', [{ ...first, checksum: 'other' }], () => undefined)).rejects.toThrow(
    /"0001_a" changed/,
  )
})
