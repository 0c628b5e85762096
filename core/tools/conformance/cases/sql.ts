import { equal, ok, throwsCode } from '../assert.ts'
import { insideCases } from '../case.ts'
import { isUnmoorError } from '../../../errors.ts'
import { sql } from '../../../bindings/declarations.ts'

const INSERT = 'INSERT INTO cells (id, t) VALUES (?, ?)'

export const sqlCases = insideCases('sql', [
  {
    id: 'sql-01',
    contract: 'Text, integers, reals and null come back as they were bound.',
    async run({ env, key }) {
      const texts = ['', 'Zoë 😀 ｡', "it's", 'line\nbreak', ' '.repeat(5), '1', 'null']
      for (const [index, text] of texts.entries()) {
        await env.sql.run(INSERT, [key(`t${index}`), text])
        equal(
          await env.sql.value('SELECT t FROM cells WHERE id = ?', [key(`t${index}`)]),
          text,
          `text ${index}`,
        )
      }
      for (const [index, [i, r]] of [
        [0, 0.5],
        [-1, -1234.0625],
        [2 ** 40, 1.5e-300],
        [null, null],
      ].entries()) {
        await env.sql.run('INSERT INTO cells (id, i, r) VALUES (?, ?, ?)', [
          key(`n${index}`),
          i ?? null,
          r ?? null,
        ])
        equal(
          await env.sql.first('SELECT i, r, t FROM cells WHERE id = ?', [key(`n${index}`)]),
          { i, r, t: null },
          `numbers ${index}`,
        )
      }
    },
  },
  {
    id: 'sql-02',
    contract: 'Booleans can be bound and compared.',
    async run({ env, key }) {
      await env.sql.run('INSERT INTO cells (id, b) VALUES (?, ?)', [key('yes'), true])
      await env.sql.run('INSERT INTO cells (id, b) VALUES (?, ?)', [key('no'), false])
      const found = await env.sql.all<{ id: string }>('SELECT id FROM cells WHERE b = ? AND id IN (?, ?)', [
        true,
        key('yes'),
        key('no'),
      ])
      equal(found, [{ id: key('yes') }], 'rows')
      const cell = await env.sql.value('SELECT b FROM cells WHERE id = ?', [key('no')])
      ok(cell === false || cell === 0, `false is ${String(cell)}: false or 0`)
    },
  },
  {
    id: 'sql-03',
    contract: 'Bytes come back as a Uint8Array, whether bound as a Uint8Array, a view or an ArrayBuffer.',
    async run({ env, key }) {
      const all = Uint8Array.from({ length: 256 }, (_, index) => index)
      const bound = {
        array: all,
        buffer: all.buffer,
        view: new Uint8Array(all.buffer, 3, 5),
        empty: new Uint8Array(0),
      }
      const expected = { array: all, buffer: all, view: all.slice(3, 8), empty: new Uint8Array(0) }
      for (const [name, value] of Object.entries(bound)) {
        await env.sql.run('INSERT INTO cells (id, x) VALUES (?, ?)', [key(name), value])
        const cell = await env.sql.value('SELECT x FROM cells WHERE id = ?', [key(name)])
        ok(
          cell instanceof Uint8Array,
          `${name} is a ${Object.prototype.toString.call(cell)}, not a Uint8Array`,
        )
        equal(cell, expected[name as keyof typeof expected], name)
      }
    },
  },
  {
    id: 'sql-04',
    contract:
      'NaN, Infinity, undefined, a Date, a BigInt, an object, a function and a symbol are ' +
      'InvalidArgument as parameters.',
    async run({ env, key }) {
      for (const bad of [
        Number.NaN,
        Infinity,
        undefined,
        new Date(),
        1n,
        {},
        [],
        () => 1,
        Symbol('s'),
        'half \ud83d',
      ]) {
        await throwsCode('InvalidArgument', () => env.sql.run(INSERT, [key(), bad as never]))
      }
      equal(await env.sql.first('SELECT t FROM cells WHERE id = ?', [key()]), null, 'nothing was written')
    },
  },
  {
    id: 'sql-05',
    contract:
      'Integers up to 2^53 - 1 come back exactly; beyond, a parameter is InvalidArgument, and text survives.',
    async run({ env, key }) {
      for (const [index, i] of [Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER].entries()) {
        await env.sql.run('INSERT INTO cells (id, i) VALUES (?, ?)', [key(`i${index}`), i])
        equal(await env.sql.value('SELECT i FROM cells WHERE id = ?', [key(`i${index}`)]), i, 'integer')
      }
      await throwsCode('InvalidArgument', () =>
        env.sql.run('INSERT INTO cells (id, i) VALUES (?, ?)', [key(), 2 ** 53]),
      )
      await env.sql.run(INSERT, [key('text'), '9007199254740993'])
      equal(
        await env.sql.value('SELECT t FROM cells WHERE id = ?', [key('text')]),
        '9007199254740993',
        'text',
      )
    },
  },
  {
    id: 'sql-06',
    contract:
      'An integer beyond 2^53 - 1 in a result is an error, never a rounded number; cast to text it ' +
      'comes whole.',
    async run({ env, key }) {
      await env.sql.run('INSERT INTO cells (id, i) VALUES (?, 9007199254740993)', [key()])
      let outcome: unknown
      try {
        outcome = await env.sql.value('SELECT i FROM cells WHERE id = ?', [key()])
      } catch (error) {
        ok(isUnmoorError(error), `it threw ${String(error)}, not an UnmoorError`)
      }
      equal(outcome, undefined, 'a result')
      equal(
        await env.sql.value('SELECT CAST(i AS TEXT) FROM cells WHERE id = ?', [key()]),
        '9007199254740993',
        'as text',
      )
    },
  },
  {
    id: 'sql-07',
    contract: 'Too few or too many parameters are InvalidArgument.',
    async run({ env, key }) {
      await throwsCode('InvalidArgument', () => env.sql.run(INSERT, [key()]))
      await throwsCode('InvalidArgument', () => env.sql.run(INSERT, [key(), 'a', 'b']))
      await throwsCode('InvalidArgument', () => env.sql.run(INSERT))
      await throwsCode('InvalidArgument', () => env.sql.all('SELECT 1 AS one', ['x']))
      await throwsCode('InvalidArgument', () => env.sql.all('SELECT ?2 AS two', ['only one']))
      await throwsCode('InvalidArgument', () => env.sql.all('SELECT ? AS x', 'text' as never))
    },
  },
  {
    id: 'sql-08',
    contract: 'Numbered placeholders can be reused and in any order.',
    async run({ env }) {
      const row = await env.sql.first(
        "SELECT CAST(?2 AS TEXT) || '-' || CAST(?1 AS TEXT) || '-' || CAST(?2 AS TEXT) AS joined",
        ['a', 'b'],
      )
      equal(row, { joined: 'b-a-b' }, 'row')
    },
  },
  {
    id: 'sql-09',
    contract: 'A question mark in a string, a quoted name or a comment is no placeholder.',
    async run({ env }) {
      const row = await env.sql.first(`SELECT 'a?b''?' AS s, /* ? ' */ CAST(? AS TEXT) AS "na?me" -- ? "`, [
        'value',
      ])
      equal(row, { s: "a?b'?", 'na?me': 'value' }, 'row')
    },
  },
  {
    id: 'sql-10',
    contract: 'Two statements in one call are InvalidArgument, and neither runs.',
    async run({ env, key }) {
      await throwsCode('InvalidArgument', () =>
        env.sql.run(`INSERT INTO cells (id) VALUES (?); INSERT INTO cells (id) VALUES ('second')`, [key()]),
      )
      equal(await env.sql.first('SELECT id FROM cells WHERE id = ?', [key()]), null, 'row')
    },
  },
  {
    id: 'sql-11',
    contract:
      'A trailing semicolon and comments are fine; an empty statement is InvalidArgument, and so is one ' +
      'with a NUL or an open string.',
    async run({ env }) {
      equal(await env.sql.value('-- first\nSELECT 1 AS one /* ; */ ; -- done;\n'), 1, 'value')
      for (const empty of [
        '',
        '  \n',
        ';',
        '-- nothing',
        '/* nothing */',
        'SELECT \0 1',
        "SELECT 'open",
        'SELECT "open',
        '/* open',
      ])
        await throwsCode('InvalidArgument', () => env.sql.all(empty))
      await throwsCode('InvalidArgument', () => env.sql.all(5 as never))
    },
  },
  {
    id: 'sql-12',
    contract:
      'Values are never text of a statement: quotes, comments, backslashes and statements stay values.',
    async run({ env, key }) {
      const hostile = [
        "'; DROP TABLE cells; --",
        '" OR ""="',
        '1 OR 1=1',
        "\\' OR 1=1 --",
        '\u2019 OR \u20181\u2019=\u20181',
        '$1',
        '?1',
        ':name',
        '@p',
        "E'\\x41'",
        '$tag$ x $tag$',
        '\u02bc; SELECT 1',
        '%',
        '/*',
        '*/ --',
      ]
      for (const [index, value] of hostile.entries()) {
        await env.sql.run(sql`INSERT INTO cells (id, t) VALUES (${key(`h${index}`)}, ${value})`)
        equal(
          await env.sql.all(sql`SELECT t FROM cells WHERE t = ${value} AND id = ${key(`h${index}`)}`),
          [{ t: value }],
          `value ${index}`,
        )
      }
      equal(
        Number(
          await env.sql.value('SELECT count(*) AS n FROM cells WHERE id LIKE ?', [
            `${key('h').slice(0, 20)}%`,
          ]),
        ) > 0,
        true,
        'the table is there',
      )
    },
  },
  {
    id: 'sql-13',
    contract: 'Of columns with the same name an object has the last and raw has both.',
    async run({ env }) {
      const text = "SELECT 'one' AS a, 'two' AS a, 'three' AS b"
      equal(await env.sql.all(text), [{ a: 'two', b: 'three' }], 'objects')
      const { columns, rows } = await env.sql.raw(text)
      equal([columns, rows], [['a', 'a', 'b'], [['one', 'two', 'three']]], 'raw')
    },
  },
  {
    id: 'sql-15',
    contract: '100 parameters are fine, 101 are LimitExceeded.',
    async run({ env }) {
      const values = (count: number): [string, string[]] => [
        Array.from({ length: count }, () => '?').join(', '),
        Array.from({ length: count }, (_, index) => `v${index}`),
      ]
      const [hundred, params] = values(100)
      equal(
        await env.sql.value(`SELECT count(*) AS n FROM cells WHERE id IN (${hundred})`, params),
        0,
        'count',
      )
      const [more, tooMany] = values(101)
      await throwsCode(
        'LimitExceeded',
        () => env.sql.all(`SELECT id FROM cells WHERE id IN (${more})`, tooMany),
        {
          limit: 'sql.params',
          actual: 101,
          max: 100,
        },
      )
    },
  },
  {
    id: 'sql-16',
    contract: 'A statement of 100,000 bytes runs, one byte more is LimitExceeded.',
    async run({ env }) {
      const statement = (bytes: number): string => `SELECT 1 AS one -- ${'c'.repeat(bytes - 19)}`
      equal([statement(100_000).length, await env.sql.value(statement(100_000))], [100_000, 1], 'value')
      await throwsCode('LimitExceeded', () => env.sql.all(statement(100_001)), {
        limit: 'sql.statement',
        actual: 100_001,
        max: 100_000,
      })
    },
  },
  {
    id: 'sql-17',
    contract: 'A value of 1,000,000 characters goes in and comes out whole.',
    async run({ env, key }) {
      const long = 'xyz\n'.repeat(250_000)
      await env.sql.run(INSERT, [key(), long])
      equal(await env.sql.value('SELECT t FROM cells WHERE id = ?', [key()]), long, 'text')
      await env.sql.run('DELETE FROM cells WHERE id = ?', [key()])
    },
  },
  {
    id: 'sql-18',
    contract: 'A row of over 2,000,000 bytes is LimitExceeded, and is not written.',
    async run({ env, key }) {
      await throwsCode('LimitExceeded', () => env.sql.run(INSERT, [key(), 'x'.repeat(2_000_001)]), {
        limit: 'sql.row',
      })
      equal(await env.sql.first('SELECT id FROM cells WHERE id = ?', [key()]), null, 'row')
    },
  },
  {
    id: 'sql-19',
    contract: 'A LIKE pattern of 50 bytes matches, one of 51 is LimitExceeded.',
    async run({ env, key }) {
      await env.sql.run(INSERT, [key(), 'x'.repeat(60)])
      const like = (pattern: string): Promise<unknown> =>
        env.sql.value('SELECT count(*) AS n FROM cells WHERE id = ? AND t LIKE ?', [key(), pattern])
      equal(await like(`${'x'.repeat(49)}%`), 1, 'count')
      await throwsCode('LimitExceeded', () => like(`${'x'.repeat(50)}%`), { limit: 'sql.likePattern' })
    },
  },
  {
    id: 'sql-20',
    contract: 'A result of 100 columns and a union of five selects are read; 101 and six are LimitExceeded.',
    async run({ env }) {
      const columns = (count: number): string =>
        `SELECT ${Array.from({ length: count }, (_, index) => `${index} AS c${index}`).join(', ')}`
      const union = (count: number): string =>
        Array.from({ length: count }, (_, index) => `SELECT ${index} AS n`).join(' UNION ALL ')
      equal(
        [(await env.sql.raw(columns(100))).columns.length, (await env.sql.all(union(5))).length],
        [100, 5],
        'counts',
      )
      await throwsCode('LimitExceeded', () => env.sql.all(columns(101)), { limit: 'sql.columns' })
      await throwsCode('LimitExceeded', () => env.sql.all(union(6)), { limit: 'sql.compoundSelect' })
    },
  },
])
