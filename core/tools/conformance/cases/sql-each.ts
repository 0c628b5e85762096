/**
 * Cases about loops over the rows of a SQL query; on targets without such loops, they must fail with
 * Unsupported.
 */
import { equal, ok, throwsCode } from '../assert.ts'
import { type InsideTools, insideCases } from '../case.ts'

const needs = 'sql.each' as const
const INSERT = 'INSERT INTO counters (id, value) VALUES (?, ?)'
/** A SQL query with so many rows that only a loop that reads them one by one can end in time. */
const MANY = `WITH RECURSIVE n(i) AS (SELECT 1 AS i UNION ALL SELECT i + 1 AS i FROM n WHERE i < 2000000000)
  SELECT i FROM n`

/** Negative twin of the cases about `sql.each`: the call fails with Unsupported. */
async function unsupported({ env }: InsideTools): Promise<void> {
  await throwsCode('Unsupported', () => env.sql.each('SELECT 1 AS one').next(), { capability: 'sql.each' })
  equal(await env.sql.value('SELECT 1 AS one'), 1, 'what the database answers then')
}

async function collect<T>(rows: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const row of rows) all.push(row)
  return all
}

async function fill({ env, key }: InsideTools, count: number): Promise<void> {
  const names = Array.from({ length: count }, (_, index) => key(`n${String(index).padStart(4, '0')}`))
  for (let at = 0; at < count; at += 40) {
    const some = names.slice(at, at + 40)
    await env.sql.run(
      `INSERT INTO counters (id, value) VALUES ${some.map(() => '(?, ?)').join(', ')}`,
      some.flatMap((name, index) => [name, at + index]),
    )
  }
}

const OWN = 'SELECT id, value FROM counters WHERE id >= ? AND id < ? ORDER BY id'
const range = (key: InsideTools['key']): [string, string] => [key('n'), key('o')]

export const sqlEachCases = insideCases('sql', [
  {
    id: 'sql-150',
    contract: 'A loop over rows gives the rows of all(), in their order, and none where there are none.',
    needs,
    without: unsupported,
    async run(tools) {
      const { env, key } = tools
      await fill(tools, 450)
      const rows = await collect(env.sql.each(OWN, range(key)))
      equal(rows.length, 450, 'rows')
      equal(rows, await env.sql.all(OWN, range(key)), 'the rows')
      equal(await collect(env.sql.each(OWN, ['', ''])), [], 'no rows')
      const values = "SELECT NULL AS a, 'text' AS b, 1.5 AS c"
      equal(await collect(env.sql.each(values)), await env.sql.all(values), 'cells')
    },
  },
  {
    id: 'sql-151',
    contract:
      'A loop over rows reads as it goes: one that leaves early, or is never begun, holds nothing, ' +
      'however many rows there are.',
    needs,
    without: unsupported,
    async run({ env }) {
      for (let round = 0; round < 20; round++) {
        const seen: unknown[] = []
        for await (const { i } of env.sql.each(MANY)) {
          seen.push(i)
          if (seen.length === 250) break
        }
        equal(
          seen,
          Array.from({ length: 250 }, (_, index) => index + 1),
          'rows',
        )
        env.sql.each(MANY)
      }
      const rows = env.sql.each(MANY)
      equal((await rows.next()).value, { i: 1 }, 'the first row')
      await rows.return()
      equal(await rows.next(), { done: true, value: undefined }, 'after its end')
      equal(await env.sql.value('SELECT 1 AS one'), 1, 'what the database answers then')
    },
  },
  {
    id: 'sql-152',
    contract: 'A loop over rows that throws in its body throws the same error, and frees its connection.',
    needs,
    without: unsupported,
    async run({ env }) {
      for (let round = 0; round < 20; round++) {
        const own = new Error('from the loop')
        let caught: unknown
        try {
          for await (const row of env.sql.each(MANY)) if (row['i'] === 5) throw own
        } catch (error) {
          caught = error
        }
        ok(caught === own, 'the error is the same')
      }
    },
  },
  {
    id: 'sql-153',
    contract: 'A loop over rows refuses what writes and what cannot be read, and changes nothing.',
    needs,
    without: unsupported,
    async run({ env, key }) {
      const next =
        (text: string, params: (string | number)[] = []) =>
        () =>
          env.sql.each(text, params).next()
      await throwsCode('InvalidArgument', next(INSERT, [key(), 1]))
      await throwsCode('InvalidArgument', next(`${INSERT} RETURNING id`, [key(), 1]))
      await throwsCode('InvalidArgument', next('SELECT id FROM'))
      await throwsCode('InvalidArgument', next('SELECT id FROM counters WHERE id = ?'))
      await throwsCode('NotFound', next('SELECT id FROM missing_table'))
      equal(await env.sql.first('SELECT id FROM counters WHERE id = ?', [key()]), null, 'what was written')
    },
  },
  {
    id: 'sql-154',
    contract: 'A loop over rows gives those of its beginning, whatever is written while it runs.',
    needs,
    without: unsupported,
    async run(tools) {
      const { env, key } = tools
      await fill(tools, 300)
      const seen: unknown[] = []
      for await (const { value } of env.sql.each<{ value: number }>(OWN, range(key))) {
        if (seen.length === 0) {
          await env.sql.run('DELETE FROM counters WHERE id = ?', [key('n0290')])
          await env.sql.run(INSERT, [key('n0291a'), -1])
        }
        seen.push(value)
      }
      equal(
        seen,
        Array.from({ length: 300 }, (_, index) => index),
        'rows of the loop',
      )
      equal((await env.sql.all(OWN, range(key))).length, 300, 'rows after it')
    },
  },
  {
    id: 'sql-155',
    contract:
      'A loop over rows in a transaction sees what the transaction wrote; it may be left early, and ' +
      'ends with the transaction.',
    needs,
    without: unsupported,
    async run({ env, key }) {
      let left: AsyncGenerator | undefined
      const given = await env.sql.transaction(async (transaction) => {
        for (const name of ['n1', 'n2', 'n3']) await transaction.run(INSERT, [key(name), 1])
        const rows = await collect(transaction.each(OWN, range(key)))
        for await (const row of transaction.each(OWN, range(key))) {
          await transaction.run('UPDATE counters SET value = 2 WHERE id = ?', [String(row['id'])])
          break
        }
        left = transaction.each(MANY)
        await left.next()
        return rows.length
      })
      equal(given, 3, 'rows in the transaction')
      equal(
        (await env.sql.all<{ value: number }>(OWN, range(key))).map(({ value }) => value),
        [2, 1, 1],
        'what was kept',
      )
      let after: unknown
      try {
        for (let count = 0; count < 300 && after === undefined; count++)
          if ((await left?.next())?.done === true) after = 'done'
      } catch (error) {
        after = (error as { code?: unknown }).code
      }
      ok(after === 'InvalidArgument' || after === 'done', `rows after the end: ${String(after)}`)
    },
  },
])
