import { ok } from '../../assert.ts'
import { type WorkerCase, type WorkerTools, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

/** Inserts a row into the D1 table `people` whose name is unique to the case; returns that name. */
async function person({ env, key }: WorkerTools, suffix = 'p', age: number | null = 30): Promise<string> {
  await env.DB.prepare('INSERT INTO people (name, age) VALUES (?, ?)').bind(key(suffix), age).run()
  return key(suffix)
}

/**
 * Defines a case about a value bound to a D1 statement: SQLite's type of it, and the value that comes back.
 */
const bound = (
  number: string,
  contract: string,
  value: unknown,
  expected: unknown,
  type: string,
): [string, string, WorkerCase['run']] => [
  number,
  contract,
  async ({ env }) =>
    equal(await env.DB.prepare('SELECT ? AS v, typeof(?) AS t').bind(value, value).first(), {
      v: expected,
      t: type,
    }),
]

export const D1: WorkerCase[] = workerCases('d1', [
  [
    '01',
    'migrations have run, in order',
    async ({ env }) =>
      equal(await env.DB.prepare("SELECT age FROM people WHERE name = 'migrated'").first('age'), 1),
  ],
  [
    '02',
    'run tells what changed',
    async ({ env, key }) => {
      const { success, meta, results } = await env.DB.prepare('INSERT INTO people (name) VALUES (?)')
        .bind(key())
        .run()
      equal([success, results, meta.changes, meta.changed_db], [true, [], 1, true])
      ok(Number.isInteger(meta.last_row_id) && meta.last_row_id > 0, `last_row_id ${meta.last_row_id}`)
      equal(
        await env.DB.prepare('SELECT name FROM people WHERE id = ?').bind(meta.last_row_id).first('name'),
        key(),
      )
    },
  ],
  [
    '03',
    'all gives rows as objects',
    async (tools) => {
      const name = await person(tools)
      const { success, results, meta } = await tools.env.DB.prepare(
        'SELECT name, age FROM people WHERE name = ?',
      )
        .bind(name)
        .all()
      equal([success, results, meta.changes, meta.changed_db], [true, [{ name, age: 30 }], 0, false])
    },
  ],
  [
    '04',
    'all of no rows',
    async ({ env }) => equal((await env.DB.prepare('SELECT * FROM people WHERE id = -1').all()).results, []),
  ],
  [
    '05',
    'first gives a row, or null',
    async (tools) => {
      const name = await person(tools)
      equal(await tools.env.DB.prepare('SELECT name, age FROM people WHERE name = ?').bind(name).first(), {
        name,
        age: 30,
      })
      equal(await tools.env.DB.prepare('SELECT * FROM people WHERE id = -1').first(), null)
    },
  ],
  [
    '06',
    'first of a column',
    async (tools) => {
      const name = await person(tools)
      equal(
        await tools.env.DB.prepare('SELECT name, age FROM people WHERE name = ?').bind(name).first('age'),
        30,
      )
      equal(await tools.env.DB.prepare('SELECT age FROM people WHERE id = -1').first('age'), null)
    },
  ],
  [
    '07',
    'first of a column that is not there',
    async ({ env }) => throwsText('D1_COLUMN_NOTFOUND', () => env.DB.prepare('SELECT 1 AS a').first('b')),
  ],
  [
    '08',
    'raw gives rows as arrays',
    async (tools) => {
      const name = await person(tools)
      equal(await tools.env.DB.prepare('SELECT name, age FROM people WHERE name = ?').bind(name).raw(), [
        [name, 30],
      ])
    },
  ],
  [
    '09',
    'raw with column names',
    async ({ env }) => {
      equal(await env.DB.prepare('SELECT 1 AS a, 2 AS b').raw({ columnNames: true }), [
        ['a', 'b'],
        [1, 2],
      ])
      equal(await env.DB.prepare('SELECT 1 AS a WHERE 0').raw({ columnNames: true }), [['a']])
    },
  ],
  [
    '10',
    'columns of one name: objects keep the last, arrays both',
    async ({ env }) => {
      equal((await env.DB.prepare('SELECT 1 AS x, 2 AS x').all()).results, [{ x: 2 }])
      equal(await env.DB.prepare('SELECT 1 AS x, 2 AS x').raw(), [[1, 2]])
    },
  ],
  [
    '11',
    'columns are named by their expression',
    async ({ env }) => equal(await env.DB.prepare('SELECT 1, 2 + 3').first(), { '1': 1, '2 + 3': 5 }),
  ],
  bound('12', 'text is bound as text', 'ä', 'ä', 'text'),
  bound('13', 'a whole number is bound as REAL', 7, 7, 'real'),
  bound('14', 'a fraction is bound as REAL', 1.5, 1.5, 'real'),
  bound('15', 'true is 1', true, 1, 'real'),
  bound('16', 'false is 0', false, 0, 'real'),
  bound('17', 'null is NULL', null, null, 'null'),
  bound('18', 'NaN and infinity are NULL', NaN, null, 'null'),
  bound(
    '19',
    'an ArrayBuffer is a blob, and comes back as an array of bytes',
    new Uint8Array([1, 2]).buffer,
    [1, 2],
    'blob',
  ),
  bound('20', 'a view is a blob', new Uint8Array([0, 255]), [0, 255], 'blob'),
  bound('21', 'an array of bytes is a blob', [5, 6], [5, 6], 'blob'),
  bound('22', 'a large whole number is bound as it is', 2 ** 60, 2 ** 60, 'real'),
  [
    '23',
    'undefined, objects, functions and bigints are refused',
    async ({ env }) => {
      const statement = env.DB.prepare('SELECT ?')
      await throwsText("D1_TYPE_ERROR: Type 'undefined' not supported for value 'undefined'", () =>
        statement.bind(undefined).all(),
      )
      await throwsText("D1_TYPE_ERROR: Type 'object' not supported for value '[object Object]'", () =>
        statement.bind({ a: 1 }).all(),
      )
      await throwsText("D1_TYPE_ERROR: Type 'bigint' not supported for value '10'", () =>
        statement.bind(10n).all(),
      )
      await throwsText("D1_TYPE_ERROR: Type 'object'", () => statement.bind(new Date(0)).all())
    },
  ],
  [
    '24',
    'whole numbers beyond 2^53 come back rounded',
    async ({ env }) =>
      equal(await env.DB.prepare('SELECT 9223372036854775807 AS a, 9007199254740993 AS b').first(), {
        a: 9_223_372_036_854_776_000,
        b: 9_007_199_254_740_992,
      }),
  ],
  [
    '25',
    'numbered parameters',
    async ({ env }) => {
      equal(await env.DB.prepare('SELECT ?2 AS b, ?1 AS a').bind('one', 'two').first(), {
        b: 'two',
        a: 'one',
      })
      equal(await env.DB.prepare('SELECT ?1 AS b, ?1 AS a').bind('one').first(), { b: 'one', a: 'one' })
    },
  ],
  [
    '26',
    'too few and too many parameters are refused',
    async ({ env }) => {
      const text = 'D1_ERROR: Wrong number of parameter bindings for SQL query.'
      await throwsText(text, () => env.DB.prepare('SELECT ?, ?').bind(1).all())
      await throwsText(text, () => env.DB.prepare('SELECT ?').bind(1, 2).all())
      await throwsText(text, () => env.DB.prepare('SELECT ?').all())
    },
  ],
  [
    '27',
    'a statement can be bound again and used twice',
    async ({ env }) => {
      const statement = env.DB.prepare('SELECT ? AS v')
      const [one, two] = [statement.bind(1), statement.bind(2)]
      equal(
        [await one.first('v'), await two.first('v'), await one.first('v'), await one.bind(3).first('v')],
        [1, 2, 1, 3],
      )
    },
  ],
  [
    '28',
    'a question mark in text is no parameter',
    async ({ env }) =>
      equal(await env.DB.prepare("SELECT '?' AS a, ? AS b -- ?").bind('x').first(), { a: '?', b: 'x' }),
  ],
  [
    '29',
    'INSERT ... RETURNING',
    async ({ env, key }) => {
      const { results, meta } = await env.DB.prepare('INSERT INTO people (name) VALUES (?) RETURNING name')
        .bind(key())
        .all()
      equal([results, meta.changes], [[{ name: key() }], 1])
      equal(
        await env.DB.prepare('INSERT INTO people (name) VALUES (?) RETURNING name')
          .bind(key('b'))
          .first('name'),
        key('b'),
      )
    },
  ],
  [
    '30',
    'UPDATE and DELETE tell how many rows',
    async (tools) => {
      const { env, key } = tools
      for (const name of ['a', 'b']) await person(tools, name)
      equal(
        (
          await env.DB.prepare('UPDATE people SET age = 1 WHERE name IN (?, ?)')
            .bind(key('a'), key('b'))
            .run()
        ).meta.changes,
        2,
      )
      equal((await env.DB.prepare('DELETE FROM people WHERE name = ?').bind(key('a')).run()).meta.changes, 1)
      equal((await env.DB.prepare('DELETE FROM people WHERE id = -1').run()).meta.changes, 0)
    },
  ],
  [
    '31',
    'upsert, OR REPLACE and OR IGNORE',
    async (tools) => {
      const { env } = tools
      const name = await person(tools)
      equal(
        (
          await env.DB.prepare(
            'INSERT INTO people (name, age) VALUES (?, 2) ON CONFLICT (name) DO UPDATE SET age = ' +
              'excluded.age',
          )
            .bind(name)
            .run()
        ).meta.changes,
        1,
      )
      equal(await env.DB.prepare('SELECT age FROM people WHERE name = ?').bind(name).first('age'), 2)
      equal(
        (await env.DB.prepare('INSERT OR IGNORE INTO people (name, age) VALUES (?, 3)').bind(name).run()).meta
          .changes,
        0,
      )
      await env.DB.prepare('INSERT OR REPLACE INTO people (name, age) VALUES (?, 4)').bind(name).run()
      equal(await env.DB.prepare('SELECT age FROM people WHERE name = ?').bind(name).first('age'), 4)
    },
  ],
  [
    '32',
    'a blob comes back as an array of numbers',
    async (tools) => {
      const name = await person(tools)
      await tools.env.DB.prepare('UPDATE people SET note = ? WHERE name = ?')
        .bind(new Uint8Array([1, 2, 255]), name)
        .run()
      equal(await tools.env.DB.prepare('SELECT note FROM people WHERE name = ?').bind(name).first(), {
        note: [1, 2, 255],
      })
      equal(await tools.env.DB.prepare('SELECT note FROM people WHERE name = ?').bind(name).raw(), [
        [[1, 2, 255]],
      ])
    },
  ],
  [
    '33',
    'a semicolon at the end is fine',
    async ({ env }) => equal(await env.DB.prepare('SELECT 1 AS a;').first('a'), 1),
  ],
  [
    '34',
    'meta has all its numbers',
    async ({ env }) => {
      const { meta } = await env.DB.prepare('SELECT 1').run()
      for (const name of [
        'duration',
        'changes',
        'last_row_id',
        'size_after',
        'rows_read',
        'rows_written',
      ] as const)
        equal(typeof meta[name], 'number', name)
    },
  ],
])
