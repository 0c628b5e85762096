import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../adapters/drivers/sqlite/index.ts'
import type { SqlDriver } from '../../core/bindings/drivers.ts'
import { failure, type Harness } from './contracts/harness.ts'
import { sqlContract } from './contracts/sql.ts'
import { folderHarness } from './folder.ts'

const create = (): Promise<Harness<SqlDriver>> => folderHarness((options, context) => sql(options, context))

sqlContract('sqlite', create)

describe('sqlite sql', () => {
  let harness: Harness<SqlDriver>
  let db: SqlDriver
  beforeEach(async () => {
    harness = await create()
    db = await harness.open()
  })
  afterEach(() => harness.dispose())
  const query = (text: string, ...params: (string | number | null)[]): ReturnType<SqlDriver['query']> =>
    db.query({ text, params })

  it.each([
    ['a LIKE pattern of 51 bytes', `SELECT 'a' LIKE '${'x'.repeat(51)}'`, 'sql.likePattern'],
    [
      'a compound SELECT of 6 terms',
      Array.from({ length: 6 }, () => 'SELECT 1').join(' UNION ALL '),
      'sql.compoundSelect',
    ],
    ['101 result columns', `SELECT ${Array.from({ length: 101 }, () => '1').join(', ')}`, 'sql.columns'],
    [
      'a table of 101 columns',
      `CREATE TABLE wide (${Array.from({ length: 101 }, (_, index) => `c${index}`).join(', ')})`,
      'sql.columns',
    ],
    ['a value of 2,000,001 bytes', 'SELECT zeroblob(2000001)', 'sql.row'],
    [
      'an expression of 101 terms',
      `SELECT ${Array.from({ length: 101 }, () => '1').join(' + ')}`,
      'sql.expressionDepth',
    ],
  ])('refuses %s as D1 does', async (_, text, limit) => {
    expect((await failure(query(text), 'LimitExceeded')).details.limit).toBe(limit)
  })

  it.each([undefined, 1_000_000])(
    'a result that cannot be given back leaves the connection free to write (limitResult %s)',
    async (bytes) => {
      const other = await harness.open()
      if (bytes !== undefined) db.limitResult?.(bytes)
      await query('CREATE TABLE t (n)')
      await query('INSERT INTO t VALUES (1), (9007199254740993)')
      await failure(query('SELECT n FROM t'), 'LimitExceeded')
      await other.query({ text: 'INSERT INTO t VALUES (3)', params: [] })
      await query('INSERT INTO t VALUES (4)')
      expect((await query('SELECT count(*) FROM t')).rows).toEqual([[4]])
    },
  )

  it('takes what is just within the limits', async () => {
    await query(`SELECT 'a' LIKE '${'x'.repeat(50)}'`)
    await query(Array.from({ length: 5 }, () => 'SELECT 1').join(' UNION ALL '))
    await query(`CREATE TABLE wide (${Array.from({ length: 100 }, (__, index) => `c${index}`).join(', ')})`)
    await query('SELECT zeroblob(2000000)')
  })

  it('a row over 2,000,000 bytes is refused although each value is within', async () => {
    await query('CREATE TABLE t (a, b)')
    expect(
      (
        await failure(
          query('INSERT INTO t VALUES (?, ?)', 'x'.repeat(1_200_000), 'x'.repeat(1_200_000)),
          'LimitExceeded',
        )
      ).details.limit,
    ).toBe('sql.row')
  })

  it('a write whose RETURNING cannot be given back is undone', async () => {
    await query('CREATE TABLE t (id INTEGER PRIMARY KEY)')
    await failure(
      query("INSERT INTO t VALUES (CAST('9007199254740993' AS INTEGER)) RETURNING id"),
      'LimitExceeded',
    )
    expect((await query('SELECT count(*) FROM t')).rows).toEqual([[0]])
    expect(
      (await query("INSERT INTO t VALUES (CAST('9007199254740993' AS INTEGER))")).lastRowId,
    ).toBeUndefined()
  })

  it('cannot reach another database', async () => {
    await failure(query("ATTACH '/tmp/other.sqlite' AS other"), 'InvalidArgument')
    await failure(query("SELECT load_extension('x')"), 'InvalidArgument')
  })

  it('a lock held by another process is Conflict', async () => {
    const { DatabaseSync } = await import('node:sqlite')
    const { dataDir } = harness as Harness<SqlDriver> & { dataDir: string }
    await query('CREATE TABLE t (a)')
    const other = new DatabaseSync(`${dataDir}/test/sql-things.sqlite`)
    other.exec('BEGIN IMMEDIATE')
    const patient = await sql(
      { busyTimeout: 0.05 },
      {
        binding: 'things',
        app: 'test',
        declaration: { kind: 'sql' },
        dataDir,
        variable: () => undefined,
        now: Date.now,
      },
    )
    const error = await failure(patient.query({ text: 'INSERT INTO t VALUES (1)', params: [] }), 'Conflict')
    expect(error.retryable).toBe(true)
    other.exec('ROLLBACK')
    other.close()
    expect((await patient.query({ text: 'INSERT INTO t VALUES (1)', params: [] })).changes).toBe(1)
    await patient.close?.()
  })
})
