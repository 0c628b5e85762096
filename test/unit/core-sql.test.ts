import { describe, expect, it } from 'vitest'
import { sql } from '../../core/bindings/declarations.ts'
import type { SqlDialect, SqlDriver, SqlQuery } from '../../core/bindings/drivers.ts'
import { Sql } from '../../core/bindings/sql.ts'
import { endOfStatements, parseStatements } from '../../core/bindings/sql-tokenizer.ts'

const keywords = (text: string): string[] => parseStatements(text).map(({ keyword }) => keyword)

describe('endOfStatements', () => {
  it.each([
    ['SELECT 1', 0],
    ['SELECT 1; SELECT 2', 9],
    ["SELECT ';'; SELECT 'open ; ", 11],
    ['SELECT 1; -- end;', 9],
    ['SELECT 1; /* open ;', 9],
    ['CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM d; ', 0],
  ])('is behind the last semicolon that ends a statement of %s', (text, end) => {
    expect(endOfStatements(text, 'sqlite')).toBe(end)
  })
})

describe('parseStatements', () => {
  it.each([
    ["SELECT '?', ?", [1]],
    [`SELECT "a?b", \`c?\`, ?`, [1]],
    ["SELECT 'it''s ?', ? -- ?\n, ?", [1, 2]],
    ['SELECT /* ? */ ?2, ?1, ?', [2, 1, 3]],
    ['SELECT $tag$ ? $tag$, $$?$$, ?', [1]],
    ['SELECT a$b$ , ?, c$b$', [1]],
    ['SELECT $1, ?', [1, 2]],
  ])('finds the placeholders of %s', (text, numbers) => {
    expect(parseStatements(text)[0]?.placeholders.map(({ number }) => number)).toEqual(numbers)
  })

  it('splits statements, not the semicolons within texts and triggers', () => {
    expect(keywords("INSERT INTO a VALUES (';'); -- end;\n ; DELETE FROM a /* ; */ ;")).toEqual([
      'INSERT',
      'DELETE',
    ])
    expect(
      keywords(
        'CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = CASE WHEN c THEN 1 ELSE 2 END; DELETE FROM d; END; SELECT 1',
      ),
    ).toEqual(['CREATE', 'SELECT'])
    expect(keywords('CREATE TEMP TRIGGER t AFTER INSERT ON a BEGIN SELECT 1; END')).toEqual(['CREATE'])
  })

  it.each([
    "SELECT 'open",
    'SELECT "open',
    'SELECT /* open',
    'SELECT $x$ open',
    'SELECT /* a /* b */ c */ 1',
    'SELECT ?0',
  ])('refuses %s', (text) => {
    expect(() => parseStatements(text)).toThrow()
  })
})

function capture(dialect: SqlDialect): { sql: Sql; queries: SqlQuery[] } {
  const queries: SqlQuery[] = []
  const result = { columns: ['a', 'a'], rows: [[1, 2]], changes: 0 }
  const driver: SqlDriver = {
    dialect,
    query: async (query) => (queries.push(query), result),
    batch: async (batch) => (queries.push(...batch), batch.map(() => result)),
  }
  return { sql: new Sql(driver, { binding: 'db' }), queries }
}

describe('Sql', () => {
  it('writes placeholders in the form of the engine', async () => {
    for (const [dialect, text] of [
      ['sqlite', "SELECT ?1, ?2, ?1, '?'"],
      ['postgres', "SELECT $1, $2, $1, '?'"],
    ] as const) {
      const { sql: db, queries } = capture(dialect)
      await db.all("SELECT ?, ?2, ?1, '?'", ['x', 2])
      expect(queries).toEqual([{ text, params: ['x', 2] }])
    }
  })

  it('takes templates, whose values are never text', async () => {
    const { sql: db, queries } = capture('postgres')
    await db.run(sql`INSERT INTO a VALUES (${"'; DROP TABLE a --"}, ${1})`)
    expect(queries).toEqual([{ text: 'INSERT INTO a VALUES ($1, $2)', params: ["'; DROP TABLE a --", 1] }])
  })

  it('keeps the last of columns with the same name, and both in raw', async () => {
    const { sql: db } = capture('sqlite')
    expect(await db.all('SELECT 1 AS a, 2 AS a')).toEqual([{ a: 2 }])
    expect((await db.raw('SELECT 1 AS a, 2 AS a')).rows).toEqual([[1, 2]])
    await expect(db.value('SELECT 1 AS a', [], 'b')).rejects.toMatchObject({ code: 'InvalidArgument' })
  })

  it.each([
    ['too few', 'SELECT ?', []],
    ['too many', 'SELECT 1', [1]],
    ['two statements', 'SELECT 1; SELECT 2', []],
    ['nothing', ' -- only a comment', []],
    ['a transaction', 'BEGIN', []],
    ['a setting', 'PRAGMA foreign_keys = off', []],
    ['NUL', 'SELECT \0', []],
    ['NaN', 'SELECT ?', [Number.NaN]],
    ['2^53', 'SELECT ?', [2 ** 53]],
    ['undefined', 'SELECT ?', [undefined]],
    ['a Date', 'SELECT ?', [new Date()]],
    ['a BigInt', 'SELECT ?', [1n]],
    ['an object', 'SELECT ?', [{}]],
    ['a function', 'SELECT ?', [() => {}]],
    ['half a surrogate pair', 'SELECT ?', ['\ud800']],
  ])('refuses %s before the driver is called', async (_name, text, params) => {
    const { sql: db, queries } = capture('sqlite')
    await expect(db.all(text, params as never)).rejects.toMatchObject({
      code: 'InvalidArgument',
      binding: 'db',
      operation: 'all',
    })
    expect(queries).toEqual([])
  })

  it('holds the limits at their edges', async () => {
    const { sql: db } = capture('sqlite')
    const many = (count: number): [string, number[]] => [
      `SELECT ${Array(count).fill('?').join(',')}`,
      Array<number>(count).fill(1),
    ]
    await db.all(...many(100))
    await expect(db.all(...many(101))).rejects.toMatchObject({
      code: 'LimitExceeded',
      details: { limit: 'sql.params', actual: 101, max: 100 },
    })
    const long = (bytes: number): string => `SELECT '${'x'.repeat(bytes - 9)}'`
    await db.all(long(100_000))
    await expect(db.all(long(100_001))).rejects.toMatchObject({
      code: 'LimitExceeded',
      details: { limit: 'sql.statement' },
    })
    await expect(db.all('SELECT ?', ['x'.repeat(2_000_001)])).rejects.toMatchObject({
      code: 'LimitExceeded',
      details: { limit: 'sql.row' },
    })
  })

  it.each([
    ['a compound of six', Array(6).fill('SELECT 1').join(' UNION ALL '), [], 'sql.compoundSelect'],
    [
      'a compound of six in a subquery',
      `SELECT * FROM (${Array(6).fill('SELECT 1').join(' EXCEPT ')}) AS a`,
      [],
      'sql.compoundSelect',
    ],
    ['a pattern of 51 bytes', `SELECT a LIKE '${'é'.repeat(25)}%'`, [], 'sql.likePattern'],
    [
      'a bound pattern of 51 bytes',
      'SELECT ?, a NOT LIKE /* here */ ?',
      ['y'.repeat(99), 'x'.repeat(51)],
      'sql.likePattern',
    ],
  ])('refuses %s, as the strictest engine does', async (_name, text, params, limit) => {
    const { sql: db, queries } = capture('postgres')
    await expect(db.all(text, params)).rejects.toMatchObject({ code: 'LimitExceeded', details: { limit } })
    expect(queries).toEqual([])
  })

  it('counts the selects of each compound for itself', async () => {
    const { sql: db } = capture('postgres')
    const five = Array(5).fill('SELECT 1').join(' UNION ')
    await db.all(`SELECT * FROM (${five}) AS a, (${five}) AS b WHERE c LIKE '${'x'.repeat(50)}' AND d = ?`, [
      'z'.repeat(99),
    ])
  })

  it('names the statement of a batch that is wrong', async () => {
    const { sql: db, queries } = capture('sqlite')
    await expect(db.batch([{ text: 'SELECT 1' }, { text: 'SELECT ?' }])).rejects.toMatchObject({
      code: 'InvalidArgument',
      details: { index: 1 },
    })
    await expect(db.batch([])).rejects.toMatchObject({ code: 'InvalidArgument' })
    expect(queries).toEqual([])
  })
})
