import { equal, ok, throwsCode } from '../assert.ts'
import { insideCases } from '../case.ts'

export const sqlResultCases = insideCases('sql', [
  {
    id: 'sql-21',
    contract: 'run tells how many rows an insert, update and delete changed; a select and no match are 0.',
    async run({ env, key }) {
      const changes = async (text: string, params: string[]): Promise<number> =>
        (await env.sql.run(text, params)).changes
      equal(
        await changes("INSERT INTO cells (id, t) VALUES (?, 'a'), (?, 'a'), (?, 'b')", [
          key('1'),
          key('2'),
          key('3'),
        ]),
        3,
        'insert',
      )
      equal(
        await changes("UPDATE cells SET t = 'c' WHERE t = 'a' AND id IN (?, ?, ?)", [
          key('1'),
          key('2'),
          key('3'),
        ]),
        2,
        'update',
      )
      equal(await changes("UPDATE cells SET t = 'c' WHERE id = ?", [key('none')]), 0, 'update of none')
      equal(await changes('DELETE FROM cells WHERE id IN (?, ?)', [key('1'), key('3')]), 2, 'delete')
      equal(await changes('SELECT id FROM cells WHERE id = ?', [key('2')]), 0, 'select')
    },
  },
  {
    id: 'sql-22',
    contract: 'RETURNING gives rows, from insert, update and delete.',
    async run({ env, key }) {
      equal(
        await env.sql.all('INSERT INTO cells (id, t, i) VALUES (?, ?, 1) RETURNING id, i', [key(), 'x']),
        [{ id: key(), i: 1 }],
        'insert',
      )
      equal(
        await env.sql.first('UPDATE cells SET i = i + 1 WHERE id = ? RETURNING i', [key()]),
        { i: 2 },
        'update',
      )
      equal(
        (await env.sql.raw('DELETE FROM cells WHERE id = ? RETURNING t', [key()])).rows,
        [['x']],
        'delete',
      )
    },
  },
  {
    id: 'sql-23',
    contract: 'ON CONFLICT updates or does nothing.',
    async run({ env, key }) {
      const upsert =
        'INSERT INTO counters (id, value) VALUES (?, 1) ON CONFLICT (id) DO UPDATE SET value = ' +
        'counters.value + excluded.value RETURNING value'
      equal([await env.sql.value(upsert, [key()]), await env.sql.value(upsert, [key()])], [1, 2], 'values')
      equal(
        (await env.sql.run('INSERT INTO counters (id, value) VALUES (?, 9) ON CONFLICT DO NOTHING', [key()]))
          .changes,
        0,
        'changes',
      )
      equal(await env.sql.value('SELECT value FROM counters WHERE id = ?', [key()]), 2, 'value')
    },
  },
  {
    id: 'sql-24',
    contract: 'first and value give null where there is no row; all gives an empty array.',
    async run({ env, key }) {
      const text = 'SELECT t FROM cells WHERE id = ?'
      equal(
        [
          await env.sql.first(text, [key()]),
          await env.sql.value(text, [key()]),
          await env.sql.all(text, [key()]),
        ],
        [null, null, []],
        'answers',
      )
      const { columns, rows } = await env.sql.raw(text, [key()])
      equal([columns, rows], [['t'], []], 'raw')
    },
  },
  {
    id: 'sql-25',
    contract: 'value of a named column; a column that the statement does not have is InvalidArgument.',
    async run({ env }) {
      equal(await env.sql.value("SELECT 'a' AS one, 'b' AS two", [], 'two'), 'b', 'value')
      await throwsCode('InvalidArgument', () => env.sql.value("SELECT 'a' AS one", [], 'three'))
    },
  },
  {
    id: 'sql-26',
    contract: 'Rows come in the order asked for, with CTEs, window functions, joins and LIMIT.',
    async run({ env, key }) {
      const ids = ['a', 'b', 'c', 'd'].map((name) => key(name))
      await env.sql.batch(
        ids.map((id, index) => ({
          text: 'INSERT INTO counters (id, value) VALUES (?, ?)',
          params: [id, index % 2],
        })),
      )
      const rows = await env.sql.all(
        `WITH mine AS (SELECT id, value FROM counters WHERE id IN (?, ?, ?, ?))
         SELECT m.id, row_number() OVER (PARTITION BY m.value ORDER BY m.id) AS n, o.value
         FROM mine m JOIN counters o ON o.id = m.id
         ORDER BY m.value DESC, m.id LIMIT 3 OFFSET 1`,
        ids,
      )
      equal(
        rows,
        [
          { id: ids[3], n: 2, value: 1 },
          { id: ids[0], n: 1, value: 0 },
          { id: ids[2], n: 2, value: 0 },
        ],
        'rows',
      )
    },
  },
  {
    id: 'sql-27',
    contract: 'The binding says its dialect: sqlite or postgres.',
    run({ env }) {
      ok(env.sql.dialect === 'sqlite' || env.sql.dialect === 'postgres', `dialect ${env.sql.dialect}`)
    },
  },
])
