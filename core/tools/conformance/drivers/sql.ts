import { sql as declareSql } from '../../../bindings/declarations.ts'
import type { SqlCell, SqlDriver, SqlResult } from '../../../bindings/drivers.ts'
import { LIMITS } from '../../../limits.ts'
import { type DriverCase, defineCases } from './driver-case.ts'
import { expect } from './expect.ts'
import { failure, type Harness, pattern } from './harness.ts'
import { defineTransactionCases } from './sql-transaction.ts'

/**
 * Returns the conformance cases that every sql driver must pass. Statements are written with `?1`; Postgres
 * receives `$1`, as the portable class would send it.
 */
// oxlint-disable-next-line max-lines-per-function -- a list of cases over one harness, as a describe is
export function sqlCases(create: () => Promise<Harness<SqlDriver>>): DriverCase[] {
  let harness: Harness<SqlDriver>
  let db: SqlDriver
  const { cases, it } = defineCases(
    'sql',
    async () => {
      harness = await create()
      db = await harness.open({ declaration: declareSql() })
      await query(
        'CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT UNIQUE, amount DOUBLE PRECISION, flag ' +
          `BOOLEAN, data ${db.dialect === 'sqlite' ? 'BLOB' : 'BYTEA'}, big BIGINT)`,
      )
    },
    () => harness.dispose(),
  )

  const dialectText = (text: string): string =>
    db.dialect === 'postgres' ? text.replaceAll(/\?(\d+)/g, '$$$1') : text
  const statement = (
    text: string,
    params: readonly SqlCell[] = [],
  ): { text: string; params: readonly SqlCell[] } => ({ text: dialectText(text), params })
  const query = (text: string, ...params: SqlCell[]): Promise<SqlResult> => db.query(statement(text, params))
  const value = async (text: string, ...params: SqlCell[]): Promise<unknown> =>
    (await query(text, ...params)).rows[0]?.[0]

  it('sql-d01 values round trip through columns: text, whole and real numbers, booleans, null, bytes', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    await query(
      'INSERT INTO items (id, name, amount, flag, data, big) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
      1,
      'J\u00f6rg \u{1f600}',
      3.25,
      true,
      bytes,
      Number.MAX_SAFE_INTEGER,
    )
    await query(
      'INSERT INTO items (id, name, amount, flag, data, big) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
      2,
      '',
      -0.1,
      false,
      new Uint8Array(),
      Number.MIN_SAFE_INTEGER,
    )
    await query(
      'INSERT INTO items (id, name, amount, flag, data, big) VALUES (?1, ?2, ?3, ?4, ?5, ?6)',
      3,
      null,
      null,
      null,
      null,
      null,
    )
    const { columns, rows } = await query('SELECT id, name, amount, flag, data, big FROM items ORDER BY id')
    expect(columns).toEqual(['id', 'name', 'amount', 'flag', 'data', 'big'])
    const yes = db.dialect === 'sqlite' ? 1 : true
    const no = db.dialect === 'sqlite' ? 0 : false
    expect(rows).toEqual([
      [1, 'J\u00f6rg \u{1f600}', 3.25, yes, bytes, Number.MAX_SAFE_INTEGER],
      [2, '', -0.1, no, new Uint8Array(), Number.MIN_SAFE_INTEGER],
      [3, null, null, null, null, null],
    ])
    expect(rows[0]?.[4]).toBeInstanceOf(Uint8Array)
    expect(Object.getPrototypeOf(rows[0]?.[4])).toBe(Uint8Array.prototype)
  })

  it('sql-d02 booleans and numbers fit number columns, in conditions and limits', async () => {
    await query(
      'INSERT INTO items (id, amount, flag) VALUES (?1, ?2, ?3), (?4, ?5, ?6)',
      true,
      5,
      true,
      2,
      7,
      false,
    )
    expect(await value('SELECT count(*) FROM items WHERE id = ?1', true)).toBe(1)
    expect(await value('SELECT id FROM items WHERE flag = ?1', false)).toBe(2)
    expect(await value('SELECT id FROM items WHERE amount > ?1 ORDER BY id LIMIT ?2', 5.5, 1)).toBe(2)
    expect(await value('SELECT id FROM items ORDER BY id LIMIT ?1 OFFSET ?2', 1, 1)).toBe(2)
  })

  it('sql-d03 an integer beyond 2^53 - 1 is an error, never rounded; as text it survives', async () => {
    await query('INSERT INTO items (id, big) VALUES (1, CAST(?1 AS BIGINT))', '9007199254740993')
    const error = await failure(query('SELECT big FROM items'), 'LimitExceeded')
    expect(error.details).toMatchObject({ limit: 'sql.integer', max: Number.MAX_SAFE_INTEGER })
    await failure(query('SELECT -9007199254740993'), 'LimitExceeded')
    expect(await value('SELECT CAST(big AS TEXT) FROM items')).toBe('9007199254740993')
    expect(await value('SELECT id FROM items WHERE big = CAST(?1 AS BIGINT)', '9007199254740993')).toBe(1)
  })

  it('sql-d04 a batch whose result cannot be given back is rolled back', async () => {
    await query('INSERT INTO items (id, big) VALUES (1, CAST(?1 AS BIGINT))', '9007199254740993')
    const error = await failure(
      db.batch([
        statement('INSERT INTO items (id) VALUES (2)'),
        statement('UPDATE items SET name = ?1 WHERE id = 1 RETURNING big', ['x']),
      ]),
      'LimitExceeded',
    )
    expect(error.details.index).toBe(1)
    expect(await value('SELECT count(*) FROM items')).toBe(1)
    expect(await value('SELECT name FROM items')).toBeNull()
  })

  it('sql-d05 aggregates are numbers', async () => {
    await query('INSERT INTO items (id, amount, big) VALUES (1, 1.5, 10), (2, 2.5, 20)')
    expect(
      (
        await query(
          'SELECT count(*), sum(id), sum(big), sum(amount), avg(id), max(big), min(amount) FROM items',
        )
      ).rows,
    ).toEqual([[2, 3, 30, 4, 1.5, 20, 1.5]])
  })

  it('sql-d06 columns of the same name are both kept, in order', async () => {
    expect(await query("SELECT 1 AS a, 'x' AS a, 2 AS b")).toMatchObject({
      columns: ['a', 'a', 'b'],
      rows: [[1, 'x', 2]],
    })
  })

  it('sql-d07 a parameter can be used twice and out of order', async () => {
    await query('INSERT INTO items (id, name) VALUES (?2, ?1)', 'n', 4)
    expect(
      (await query('SELECT id, name FROM items WHERE (id = ?1 AND name = ?2) OR id = ?1', 4, 'n')).rows,
    ).toEqual([[4, 'n']])
  })

  it('sql-d08 changes and lastRowId', async () => {
    const inserted = await query('INSERT INTO items (id, name) VALUES (7, ?1), (8, ?2)', 'a', 'b')
    expect(inserted).toMatchObject({ changes: 2, rows: [] })
    expect(inserted.lastRowId).toBe(db.dialect === 'sqlite' ? 8 : undefined)
    expect((await query('UPDATE items SET amount = 1')).changes).toBe(2)
    expect((await query('UPDATE items SET amount = 1 WHERE id = 100')).changes).toBe(0)
    expect((await query('SELECT * FROM items')).changes).toBe(0)
    expect((await query('DELETE FROM items WHERE id = 7')).changes).toBe(1)
    expect((await query('CREATE TABLE more (id INTEGER)')).changes).toBe(0)
    expect((await query('SELECT * FROM more')).rows).toEqual([])
  })

  it('sql-d09 RETURNING, upsert, CTEs and windows', async () => {
    const upsert =
      'INSERT INTO items (id, amount) VALUES (?1, 1) ON CONFLICT (id) DO UPDATE SET amount = ' +
      'items.amount + 1 RETURNING id, amount'
    expect(await query(upsert, 1)).toMatchObject({ columns: ['id', 'amount'], rows: [[1, 1]], changes: 1 })
    expect(await query(upsert, 1)).toMatchObject({ rows: [[1, 2]], changes: 1 })
    const moved = await query(
      'WITH big AS (SELECT id FROM items WHERE amount > 1) UPDATE items SET name = ?1 WHERE id IN ' +
        '(SELECT id FROM big) RETURNING name',
      'moved',
    )
    expect(moved).toMatchObject({ rows: [['moved']], changes: 1 })
    expect((await query("WITH words AS (SELECT 'delete' AS w) SELECT w FROM words")).changes).toBe(0)
    expect((await query('SELECT id, row_number() OVER (ORDER BY id) AS n FROM items')).rows).toEqual([[1, 1]])
  })

  it('sql-d10 values are inert', async () => {
    const corpus = [
      "'; DROP TABLE items; --",
      '" OR ""="',
      '/* */',
      '-- comment',
      "\u2019 \u02bc '",
      '\\',
      '%_',
      '$1 ?1 :a @b',
      '{}',
    ]
    for (const [index, text] of corpus.entries())
      await query('INSERT INTO items (id, name) VALUES (?1, ?2)', index, text)
    expect((await query('SELECT name FROM items ORDER BY id')).rows.map(([text]) => text)).toEqual(corpus)
    for (const text of corpus) expect(await value('SELECT count(*) FROM items WHERE name = ?1', text)).toBe(1)
  })

  it('sql-d11 100 parameters, a value of 1,900,000 bytes, a statement of 100,000 bytes', async () => {
    const list = Array.from({ length: 100 }, (_, index) => `CAST(?${index + 1} AS INTEGER)`)
    expect(
      await value(
        `SELECT ${list.slice(0, 50).join(' + ')} + (${list.slice(50).join(' + ')})`,
        ...Array.from({ length: 100 }, () => 1),
      ),
    ).toBe(100)
    const bytes = pattern(1_900_000)
    await query('INSERT INTO items (id, data) VALUES (1, ?1)', bytes)
    expect(Buffer.compare((await value('SELECT data FROM items')) as Uint8Array, bytes)).toBe(0)
    await query('UPDATE items SET name = ?1', 'x'.repeat(2000))
    const padded = `SELECT 1 /*${'x'.repeat(LIMITS['sql.statement'] - 13)}*/`
    expect(padded.length).toBe(LIMITS['sql.statement'])
    expect(await value(padded)).toBe(1)
  })

  it('sql-d12 constraints: unique is AlreadyExists, others Constraint with their kind', async () => {
    await query(
      'CREATE TABLE parts (id INTEGER PRIMARY KEY, item INTEGER NOT NULL REFERENCES items (id), size ' +
        'INTEGER CHECK (size > 0))',
    )
    await query("INSERT INTO items (id, name) VALUES (1, 'a')")
    expect((await failure(query('INSERT INTO items (id) VALUES (1)'), 'AlreadyExists')).details.kind).toBe(
      'unique',
    )
    expect(
      (await failure(query("INSERT INTO items (id, name) VALUES (2, 'a')"), 'AlreadyExists')).retryable,
    ).toBe(false)
    expect(
      (await failure(query('INSERT INTO parts (id, item) VALUES (1, 99)'), 'Constraint')).details.kind,
    ).toBe('foreignKey')
    expect((await failure(query('INSERT INTO parts (id) VALUES (1)'), 'Constraint')).details.kind).toBe(
      'notNull',
    )
    expect(
      (await failure(query('INSERT INTO parts (id, item, size) VALUES (1, 1, 0)'), 'Constraint')).details
        .kind,
    ).toBe('check')
    await query('INSERT INTO parts (id, item, size) VALUES (1, 1, 1)')
    expect((await failure(query('DELETE FROM items WHERE id = 1'), 'Constraint')).details.kind).toBe(
      'foreignKey',
    )
  })

  it('sql-d13 syntax errors, missing tables and columns', async () => {
    expect((await failure(query('SELEC 1'), 'InvalidArgument')).cause).toBeInstanceOf(Error)
    expect((await failure(query('SELECT * FROM nowhere'), 'NotFound')).details.kind).toBe('table')
    expect((await failure(query('INSERT INTO nowhere VALUES (1)'), 'NotFound')).details.kind).toBe('table')
    await failure(query('SELECT nothing FROM items'), 'InvalidArgument')
    expect((await failure(query('CREATE TABLE items (id INTEGER)'), 'AlreadyExists')).details.kind).toBe(
      'table',
    )
  })

  it('sql-d14 a batch commits all, and each statement sees the earlier ones', async () => {
    const results = await db.batch([
      statement('INSERT INTO items (id, amount) VALUES (?1, ?2)', [1, 10]),
      statement('UPDATE items SET amount = amount + 1'),
      statement('SELECT amount FROM items'),
      statement('DELETE FROM items WHERE id = ?1', [99]),
    ])
    expect(results.map(({ changes, rows }) => [changes, rows])).toEqual([
      [1, []],
      [1, []],
      [0, [[11]]],
      [0, []],
    ])
    expect(await value('SELECT amount FROM items')).toBe(11)
  })

  it('sql-d15 a failing statement rolls the batch back and is named by its index', async () => {
    const error = await failure(
      db.batch([
        statement('INSERT INTO items (id) VALUES (1)'),
        statement('SELECT 1'),
        statement('INSERT INTO items (id) VALUES (1)'),
        statement('INSERT INTO items (id) VALUES (2)'),
      ]),
      'AlreadyExists',
    )
    expect(error.details).toMatchObject({ index: 2, kind: 'unique' })
    expect(
      (
        await failure(
          db.batch([statement('INSERT INTO items (id) VALUES (5)'), statement('SELEC')]),
          'InvalidArgument',
        )
      ).details.index,
    ).toBe(1)
    expect(await value('SELECT count(*) FROM items')).toBe(0)
    // The database connection can be used again after a batch of statements failed.
    await query('INSERT INTO items (id) VALUES (1)')
  })

  it('sql-d16 DDL in a batch is rolled back too', async () => {
    await failure(
      db.batch([
        statement('CREATE TABLE half (id INTEGER)'),
        statement('INSERT INTO items (id) VALUES (NULL), (1), (1)'),
      ]),
      db.dialect === 'sqlite' ? 'AlreadyExists' : 'Constraint',
    )
    await failure(query('SELECT * FROM half'), 'NotFound')
  })

  it('sql-d17 50 batches at once over two drivers lose no update', async () => {
    const second = await harness.open({ declaration: declareSql() })
    await query('INSERT INTO items (id, amount) VALUES (1, 0)')
    const increment = [
      statement('UPDATE items SET amount = amount + 1 WHERE id = 1'),
      statement('SELECT amount FROM items WHERE id = 1'),
    ]
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (index % 2 === 0 ? db : second).batch(increment)),
    )
    expect(await value('SELECT amount FROM items')).toBe(50)
    expect(new Set(results.map((result) => result[1]?.rows[0]?.[0])).size).toBe(50)
  })

  it('sql-d18 a changed schema is seen by statements that were prepared before', async () => {
    await query('INSERT INTO items (id) VALUES (1)')
    expect((await query('SELECT * FROM items')).columns.length).toBe(6)
    await query('ALTER TABLE items ADD COLUMN extra TEXT')
    expect((await query('SELECT * FROM items')).columns).toContain('extra')
    await query('ALTER TABLE items RENAME COLUMN extra TO other')
    expect((await query('SELECT * FROM items')).columns.at(-1)).toBe('other')
  })

  it('sql-d19 an aborted signal runs nothing', async () => {
    const signal = AbortSignal.abort(new Error('gone'))
    await failure(db.query(statement('INSERT INTO items (id) VALUES (1)'), signal), 'Aborted')
    await failure(db.batch([statement('INSERT INTO items (id) VALUES (1)')], signal), 'Aborted')
    expect(await value('SELECT count(*) FROM items')).toBe(0)
  })

  it('sql-d20 exclusive: one at a time over two drivers, with queries and batches inside', async () => {
    const second = await harness.open({ declaration: declareSql() })
    if (db.exclusive === undefined) return 'the driver has no exclusive'
    let inside = 0
    let most = 0
    const work = (driver: SqlDriver, id: number) => async (): Promise<number> => {
      most = Math.max(most, ++inside)
      await driver.query(statement('INSERT INTO items (id) VALUES (?1)', [id]))
      await new Promise((resolve) => setTimeout(resolve, 20))
      await driver.batch([statement('UPDATE items SET amount = ?1 WHERE id = ?2', [id, id])])
      inside--
      return id
    }
    const results = await Promise.all([db.exclusive(work(db, 1)), second.exclusive?.(work(second, 2))])
    expect(results).toEqual([1, 2])
    expect(most).toBe(1)
    expect((await query('SELECT id, amount FROM items ORDER BY id')).rows).toEqual([
      [1, 1],
      [2, 2],
    ])
    const failed = await db
      .exclusive(() => Promise.reject(new Error('work failed')))
      .catch((error: unknown) => error)
    expect(String(failed)).toContain('work failed')
    expect(await db.exclusive(async () => 'free again')).toBe('free again')
  })

  it('sql-d21 100 queries at once', async () => {
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        query('INSERT INTO items (id, name) VALUES (?1, ?2)', index, `n${index}`),
      ),
    )
    const names = await Promise.all(
      Array.from({ length: 100 }, (_, index) => value('SELECT name FROM items WHERE id = ?1', index)),
    )
    expect(names).toEqual(Array.from({ length: 100 }, (_, index) => `n${index}`))
  })

  defineTransactionCases(it, {
    get db() {
      return db
    },
    second: () => harness.open({ declaration: declareSql() }),
    statement,
    query,
    value,
  })
  return cases
}
