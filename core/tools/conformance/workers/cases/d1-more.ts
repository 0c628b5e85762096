import { ok } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { equal, thrown, throwsText } from './tools.ts'

export const D1_MORE: WorkerCase[] = workerCases('d1', [
  [
    '40',
    'batch runs all, each seeing the earlier ones',
    async ({ env, key }) => {
      const results = await env.DB.batch([
        env.DB.prepare('INSERT INTO people (name, age) VALUES (?, 5)').bind(key()),
        env.DB.prepare('SELECT age FROM people WHERE name = ?').bind(key()),
      ])
      equal(
        [results.length, results[0]?.meta.changes, results[1]?.results, results[1]?.success],
        [2, 1, [{ age: 5 }], true],
      )
    },
  ],
  [
    '41',
    'a batch that fails leaves nothing',
    async ({ env, key }) => {
      const insert = env.DB.prepare('INSERT INTO people (name) VALUES (?)').bind(key())
      await throwsText('UNIQUE constraint failed: people.name', () => env.DB.batch([insert, insert]))
      equal(await env.DB.prepare('SELECT count(*) AS n FROM people WHERE name = ?').bind(key()).first('n'), 0)
    },
  ],
  [
    '42',
    'an empty batch is refused',
    async ({ env }) => throwsText('No SQL statements detected.', () => env.DB.batch([])),
  ],
  [
    '43',
    'exec runs a statement per line and counts them',
    async ({ env, key }) => {
      const { count, duration } = await env.DB.exec(
        `INSERT INTO people (name) VALUES ('${key('a')}');\nINSERT INTO people (name) VALUES ` +
          `('${key('b')}');`,
      )
      equal([count, typeof duration], [2, 'number'])
      equal(
        await env.DB.prepare('SELECT count(*) AS n FROM people WHERE name IN (?, ?)')
          .bind(key('a'), key('b'))
          .first('n'),
        2,
      )
    },
  ],
  [
    '44',
    'exec names the line and statement that failed',
    async ({ env }) =>
      throwsText(/^D1_EXEC_ERROR: Error in line 1: SELEC 1: near "SELEC": syntax error/, () =>
        env.DB.exec('SELEC 1'),
      ),
  ],
  ['45', 'exec of nothing is refused', async ({ env }) => throwsText('D1_EXEC_ERROR', () => env.DB.exec(''))],
  [
    '46',
    "a syntax error in SQLite's words",
    async ({ env }) =>
      throwsText(/^D1_ERROR: near "SELEC": syntax error.*: SQLITE_ERROR$/, () =>
        env.DB.prepare('SELEC 1').all(),
      ),
  ],
  [
    '47',
    'no such table, no such column',
    async ({ env }) => {
      await throwsText('D1_ERROR: no such table: nope: SQLITE_ERROR', () =>
        env.DB.prepare('SELECT * FROM nope').all(),
      )
      await throwsText(/^D1_ERROR: no such column: nope.*: SQLITE_ERROR$/, () =>
        env.DB.prepare('SELECT nope FROM people').all(),
      )
    },
  ],
  [
    '48',
    'a unique constraint',
    async ({ env, key }) => {
      const insert = env.DB.prepare('INSERT INTO people (name) VALUES (?)').bind(key())
      await insert.run()
      await throwsText('D1_ERROR: UNIQUE constraint failed: people.name: SQLITE_CONSTRAINT', () =>
        insert.run(),
      )
    },
  ],
  [
    '49',
    'check and not null constraints',
    async ({ env, key }) => {
      await throwsText('D1_ERROR: CHECK constraint failed: age >= 0: SQLITE_CONSTRAINT', () =>
        env.DB.prepare('INSERT INTO people (name, age) VALUES (?, -1)').bind(key()).run(),
      )
      await throwsText('D1_ERROR: NOT NULL constraint failed: people.name: SQLITE_CONSTRAINT', () =>
        env.DB.prepare('INSERT INTO people (name) VALUES (NULL)').run(),
      )
    },
  ],
  [
    '50',
    'foreign keys are enforced',
    async ({ env }) =>
      throwsText('D1_ERROR: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT', () =>
        env.DB.prepare('INSERT INTO pets (owner) VALUES (-5)').run(),
      ),
  ],
  [
    '51',
    'the cause has the text without its first word',
    async ({ env }) => {
      const { cause } = await thrown(() => env.DB.prepare('SELECT * FROM nope').all())
      ok(cause instanceof Error && cause.message === 'no such table: nope: SQLITE_ERROR', String(cause))
    },
  ],
  [
    '52',
    'an empty statement',
    async ({ env }) => throwsText('D1_ERROR: No SQL statements detected.', () => env.DB.prepare('').run()),
  ],
  [
    '53',
    'transactions of SQL are refused',
    async ({ env }) => {
      for (const text of ['BEGIN', 'BEGIN TRANSACTION', 'SAVEPOINT a'])
        await throwsText('D1_ERROR: To execute a transaction, please use the', () =>
          env.DB.prepare(text).run(),
        )
    },
  ],
  [
    '54',
    'ATTACH, and pragmas that change the database, are refused',
    async ({ env }) => {
      await throwsText('D1_ERROR: not authorized: SQLITE_AUTH', () => env.DB.prepare("ATTACH 'x' AS y").run())
      await throwsText('D1_ERROR: not authorized: SQLITE_AUTH', () =>
        env.DB.prepare('PRAGMA journal_mode = DELETE').run(),
      )
    },
  ],
  [
    '55',
    'pragmas that tell of tables',
    async ({ env }) => {
      const { results } = await env.DB.prepare('PRAGMA table_info(pets)').all<{ name: string; pk: number }>()
      equal(
        results.map(({ name, pk }) => [name, pk]),
        [
          ['id', 1],
          ['owner', 0],
        ],
      )
      ok((await env.DB.prepare('PRAGMA table_list').all()).results.length > 1, 'table_list')
      ok(
        (await env.DB.prepare('PRAGMA foreign_key_list(pets)').all()).results.length === 1,
        'foreign_key_list',
      )
    },
  ],
  [
    '56',
    'PRAGMA foreign_keys = off changes nothing',
    async ({ env }) => {
      await env.DB.prepare('PRAGMA foreign_keys = OFF').run()
      await throwsText('FOREIGN KEY constraint failed', () =>
        env.DB.prepare('INSERT INTO pets (owner) VALUES (-6)').run(),
      )
    },
  ],
  [
    '57',
    'foreign keys can wait for the end of a batch',
    async ({ env, key }) => {
      await env.DB.batch([
        env.DB.prepare('PRAGMA defer_foreign_keys = on'),
        env.DB.prepare('INSERT INTO pets (owner) VALUES (987654)'),
        env.DB.prepare('INSERT INTO people (id, name) VALUES (987654, ?)').bind(key()),
      ])
      equal(await env.DB.prepare('SELECT count(*) AS n FROM pets WHERE owner = 987654').first('n'), 1)
    },
  ],
  [
    '58',
    'JSON functions and operators',
    async ({ env }) =>
      equal(
        await env.DB.prepare(
          `SELECT json_extract('{"a":[1,2]}', '$.a[1]') AS v, '{"a":1}' ->> 'a' AS w`,
        ).first(),
        { v: 2, w: 1 },
      ),
  ],
  [
    '59',
    'math and date functions',
    async ({ env }) =>
      equal(
        await env.DB.prepare(
          "SELECT sqrt(16) AS s, 7 / 2 AS i, 7.0 / 2 AS f, datetime(0, 'unixepoch') AS d",
        ).first(),
        {
          s: 4,
          i: 3,
          f: 3.5,
          d: '1970-01-01 00:00:00',
        },
      ),
  ],
  [
    '60',
    'full-text search',
    async ({ env, key }) => {
      const table = `fts_${key().replaceAll(/\W/g, '_')}`
      await env.DB.exec(`CREATE VIRTUAL TABLE ${table} USING fts5(text)`)
      await env.DB.prepare(`INSERT INTO ${table} (text) VALUES (?)`).bind('the quick brown fox').run()
      equal(
        await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE ${table} MATCH ?`)
          .bind('quick')
          .first('n'),
        1,
      )
    },
  ],
  [
    '61',
    'text in double quotes where no column has that name',
    async ({ env }) => equal(await env.DB.prepare('SELECT "abc" AS v').first('v'), 'abc'),
  ],
  [
    '62',
    'a LIKE pattern over 50 bytes is refused',
    async ({ env }) =>
      throwsText('LIKE or GLOB pattern too complex', () =>
        env.DB.prepare("SELECT 'a' LIKE ? AS v").bind('a'.repeat(51)).first(),
      ),
  ],
  [
    '63',
    '100 parameters are fine',
    async ({ env }) =>
      equal(
        await env.DB.prepare(`SELECT ${Array(100).fill('?').join(' + ')} AS v`)
          .bind(...Array(100).fill(1))
          .first('v'),
        100,
      ),
  ],
  [
    '64',
    'a statement over 100,000 bytes is refused',
    async ({ env }) =>
      throwsText('D1_ERROR: statement too long: SQLITE_TOOBIG', () =>
        env.DB.prepare(`SELECT 1 -- ${'x'.repeat(100_001)}`).first(),
      ),
  ],
  [
    '65',
    'a session reads and writes, and has a bookmark after its first query',
    async ({ env, key }) => {
      const session = env.DB.withSession()
      equal(session.getBookmark(), null)
      await session.prepare('INSERT INTO people (name) VALUES (?)').bind(key()).run()
      equal(await session.prepare('SELECT name FROM people WHERE name = ?').bind(key()).first('name'), key())
      equal(typeof session.getBookmark(), 'string')
      const next = env.DB.withSession(session.getBookmark() as string)
      equal((await next.batch([next.prepare('SELECT 1 AS a')]))[0]?.results, [{ a: 1 }])
    },
  ],
  [
    '66',
    'first-primary and first-unconstrained are sessions too',
    async ({ env }) => {
      for (const start of ['first-primary', 'first-unconstrained'] as const)
        equal(await env.DB.withSession(start).prepare('SELECT 2 AS a').first('a'), 2)
    },
  ],
  [
    '67',
    "several statements in one text: all run, the last one's rows are given",
    async ({ env, key }) => {
      const { results } = await env.DB.prepare(
        `INSERT INTO people (name) VALUES ('${key()}'); SELECT count(*) AS n FROM people WHERE name = ` +
          `'${key()}'`,
      ).all()
      equal(results, [{ n: 1 }])
    },
  ],
  [
    '68',
    'CREATE TABLE, ALTER TABLE and DROP TABLE',
    async ({ env, key }) => {
      const table = `t_${key().replaceAll(/\W/g, '_')}`
      await env.DB.prepare(`CREATE TABLE ${table} (a)`).run()
      await env.DB.prepare(`ALTER TABLE ${table} ADD COLUMN b`).run()
      await env.DB.prepare(`INSERT INTO ${table} (a, b) VALUES (1, 'x')`).run()
      equal(await env.DB.prepare(`SELECT * FROM ${table}`).first(), { a: 1, b: 'x' })
      await env.DB.prepare(`DROP TABLE ${table}`).run()
    },
  ],
  [
    '69',
    'a trigger with several statements',
    async ({ env, key }) => {
      const table = `g_${key().replaceAll(/\W/g, '_')}`
      await env.DB.prepare(`CREATE TABLE ${table} (a, b)`).run()
      await env.DB.prepare(
        `CREATE TRIGGER ${table}_t AFTER INSERT ON ${table} BEGIN UPDATE ${table} SET b = 1 WHERE a = ` +
          `new.a; UPDATE ${table} SET b = b + 1 WHERE a = new.a; END`,
      ).run()
      await env.DB.prepare(`INSERT INTO ${table} (a) VALUES (1)`).run()
      equal(await env.DB.prepare(`SELECT b FROM ${table}`).first('b'), 2)
    },
  ],
  [
    '70',
    'many queries at once',
    async ({ env }) => {
      const values = await Promise.all(
        Array.from({ length: 20 }, (_, index) => env.DB.prepare('SELECT ? AS v').bind(index).first('v')),
      )
      equal(
        values,
        Array.from({ length: 20 }, (_, index) => index),
      )
    },
  ],
  [
    '71',
    'window functions, CTEs and recursion',
    async ({ env }) => {
      const { results } = await env.DB.prepare(
        'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i, sum(i) ' +
          'OVER (ORDER BY i) AS s FROM n',
      ).all()
      equal(results, [
        { i: 1, s: 1 },
        { i: 2, s: 3 },
        { i: 3, s: 6 },
      ])
    },
  ],
  [
    '72',
    'a text of 100,000 letters',
    async ({ env }) =>
      equal(await env.DB.prepare('SELECT length(?) AS n').bind('ä'.repeat(100_000)).first('n'), 100_000),
  ],
])
