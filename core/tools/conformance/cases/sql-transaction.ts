/**
 * Cases about interactive SQL transactions; on targets without them, all calls must fail with Unsupported.
 */
import type { SqlTransaction } from '../../../bindings/sql.ts'
import { equal, ok, throwsCode } from '../assert.ts'
import { type InsideTools, insideCases } from '../case.ts'

const INSERT = 'INSERT INTO counters (id, value) VALUES (?, ?)'

/**
 * Negative twin of the cases about SQL transactions: the transaction's function is not called, and nothing is
 * written.
 */
async function unsupported({ env, key }: InsideTools): Promise<void> {
  let called = false
  await throwsCode('Unsupported', () => env.sql.transaction(() => void (called = true)), {
    capability: 'sql.interactiveTransactions',
  })
  equal(called, false, 'the function was called')
  await env.sql.batch([{ text: INSERT, params: [key(), 1] }])
  equal(await env.sql.value('SELECT value FROM counters WHERE id = ?', [key()]), 1, 'what a batch wrote')
}

const needs = 'sql.interactiveTransactions' as const

export const sqlTransactionCases = insideCases('sql', [
  {
    id: 'sql-46',
    contract:
      'An interactive transaction reads what it wrote, gives what its function gives, and commits at ' +
      'its end; others see all of it or nothing.',
    needs,
    without: unsupported,
    async run({ env, key }) {
      const count = (): Promise<unknown> =>
        env.sql.value('SELECT count(*) AS n FROM counters WHERE id IN (?, ?)', [key('a'), key('b')])
      let others: Promise<unknown> | undefined
      const given = await env.sql.transaction(async (transaction) => {
        await transaction.run(INSERT, [key('a'), 1])
        const first = await transaction.first<{ value: number }>('SELECT value FROM counters WHERE id = ?', [
          key('a'),
        ])
        await transaction.run(INSERT, [key('b'), (first?.value ?? 0) + 1])
        // The count of rows is awaited only after the commit, since a SQL engine with one connection does not
        // answer it before.
        others = count()
        equal(transaction.dialect, env.sql.dialect, 'dialect')
        return transaction.all('SELECT id, value FROM counters WHERE id IN (?, ?) ORDER BY value', [
          key('a'),
          key('b'),
        ])
      })
      equal(
        given,
        [
          { id: key('a'), value: 1 },
          { id: key('b'), value: 2 },
        ],
        'what the function gave',
      )
      ok([0, 2].includes(Number(await others)), 'others saw all of it or nothing')
      equal(await count(), 2, 'what others see after it')
    },
  },
  {
    id: 'sql-47',
    contract: 'A transaction whose function throws keeps nothing, and throws the same error.',
    needs,
    without: unsupported,
    async run({ env, key }) {
      const thrown = new RangeError('changed my mind')
      const error = await env.sql
        .transaction(async (transaction) => {
          await transaction.run(INSERT, [key(), 1])
          throw thrown
        })
        .catch((caught: unknown) => caught)
      ok(error === thrown, `it threw ${String(error)}`)
      equal(await env.sql.first('SELECT id FROM counters WHERE id = ?', [key()]), null, 'row')
    },
  },
  {
    id: 'sql-48',
    contract:
      'Twelve transactions at once that read a number and write one more lose none: one that meets ' +
      'another is tried again.',
    exclusive: 'heavy',
    needs,
    without: unsupported,
    async run({ env, key }) {
      await env.sql.run(INSERT, [key(), 0])
      const increment = (transaction: SqlTransaction): Promise<unknown> =>
        transaction
          .value<number>('SELECT value FROM counters WHERE id = ?', [key()])
          .then((value) =>
            transaction.run('UPDATE counters SET value = ? WHERE id = ?', [(value ?? 0) + 1, key()]),
          )
      await Promise.all(Array.from({ length: 12 }, () => env.sql.transaction(increment, { attempts: 100 })))
      equal(await env.sql.value('SELECT value FROM counters WHERE id = ?', [key()]), 12, 'count')
    },
  },
  {
    id: 'sql-49',
    contract:
      'A statement that fails fails its transaction, also where the function catches the error; and a ' +
      'transaction that has ended takes no more.',
    needs,
    without: unsupported,
    async run({ env, key }) {
      let kept: SqlTransaction | undefined
      await throwsCode('AlreadyExists', () =>
        env.sql.transaction(async (transaction) => {
          kept = transaction
          await transaction.run(INSERT, [key(), 1])
          await throwsCode('AlreadyExists', () => transaction.run(INSERT, [key(), 2]))
          await throwsCode('AlreadyExists', () => transaction.value('SELECT 1 AS one'))
        }),
      )
      equal(await env.sql.first('SELECT id FROM counters WHERE id = ?', [key()]), null, 'row')
      await env.sql.transaction((transaction) => void (kept = transaction))
      await throwsCode('InvalidArgument', () => (kept as SqlTransaction).run(INSERT, [key(), 3]))
      equal(await env.sql.first('SELECT id FROM counters WHERE id = ?', [key()]), null, 'row')
    },
  },
  {
    id: 'sql-50',
    contract: 'A transaction that takes longer than its timeout is rolled back as Timeout, and others go on.',
    needs,
    without: unsupported,
    async run({ env, key }) {
      await throwsCode('Timeout', () =>
        env.sql.transaction(
          async (transaction) => {
            await transaction.run(INSERT, [key(), 1])
            await new Promise(() => {})
          },
          { timeout: 0.2 },
        ),
      )
      await env.sql.run(INSERT, [key('next'), 1])
      equal(await env.sql.first('SELECT id FROM counters WHERE id = ?', [key()]), null, 'row')
      await throwsCode('InvalidArgument', () => env.sql.transaction(() => 1, { timeout: 0 }))
      await throwsCode('InvalidArgument', () => env.sql.transaction(() => 1, { attempts: 0 }))
      await throwsCode('InvalidArgument', () => env.sql.transaction('work' as never))
    },
  },
])
