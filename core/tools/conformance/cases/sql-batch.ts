import { equal, throwsCode } from '../assert.ts'
import { insideCases } from '../case.ts'
import { isUnmoorError } from '../../../errors.ts'

export const sqlBatchCases = insideCases('sql', [
  {
    id: 'sql-31',
    contract: 'A batch commits all, in order, and each statement sees what earlier ones wrote.',
    async run({ env, key }) {
      const results = await env.sql.batch([
        { text: 'INSERT INTO counters (id, value) VALUES (?, 1)', params: [key()] },
        { text: 'UPDATE counters SET value = value + 10 WHERE id = ?', params: [key()] },
        { text: 'SELECT value FROM counters WHERE id = ?', params: [key()] },
      ])
      equal(
        results.map(({ changes }) => changes),
        [1, 1, 0],
        'changes',
      )
      equal([results[2]?.columns, results[2]?.rows], [['value'], [[11]]], 'the select')
      equal(await env.sql.value('SELECT value FROM counters WHERE id = ?', [key()]), 11, 'afterwards')
    },
  },
  {
    id: 'sql-32',
    contract:
      'A statement that fails in the middle of a batch undoes all of it, and the error names its index.',
    async run({ env, key }) {
      const insert = (name: string): { text: string; params: string[] } => ({
        text: 'INSERT INTO counters (id, value) VALUES (?, 1)',
        params: [key(name)],
      })
      await throwsCode(
        'AlreadyExists',
        () => env.sql.batch([insert('a'), insert('b'), insert('a'), insert('c')]),
        { index: 2 },
      )
      equal(
        await env.sql.value('SELECT count(*) AS n FROM counters WHERE id IN (?, ?, ?)', [
          key('a'),
          key('b'),
          key('c'),
        ]),
        0,
        'rows',
      )
    },
  },
  {
    id: 'sql-33',
    contract: 'A batch with a statement that is refused runs nothing, and the error names its index.',
    async run({ env, key }) {
      const insert = { text: 'INSERT INTO counters (id, value) VALUES (?, 1)', params: [key()] }
      await throwsCode('InvalidArgument', () => env.sql.batch([insert, { text: 'SELECT ?', params: [] }]), {
        index: 1,
      })
      await throwsCode(
        'InvalidArgument',
        () => env.sql.batch([insert, insert, { text: 'SELECT 1; SELECT 2' }]),
        { index: 2 },
      )
      equal(await env.sql.first('SELECT id FROM counters WHERE id = ?', [key()]), null, 'row')
    },
  },
  {
    id: 'sql-34',
    contract: 'Fifty concurrent batches that count up lose no update.',
    exclusive: 'heavy',
    seconds: 60,
    async run({ env, key }) {
      await env.sql.run('INSERT INTO counters (id, value) VALUES (?, 0)', [key()])
      const countUp = async (): Promise<void> => {
        for (;;) {
          try {
            await env.sql.batch([
              { text: 'UPDATE counters SET value = value + 1 WHERE id = ?', params: [key()] },
              { text: 'SELECT value FROM counters WHERE id = ?', params: [key()] },
            ])
            return
          } catch (error) {
            // The case repeats a SQL batch only after a Conflict, as callers should.
            if (!isUnmoorError(error, 'Conflict')) throw error
          }
        }
      }
      await Promise.all(Array.from({ length: 50 }, countUp))
      equal(await env.sql.value('SELECT value FROM counters WHERE id = ?', [key()]), 50, 'value')
    },
  },
  {
    id: 'sql-35',
    contract: 'An empty batch, or one that is no array, is InvalidArgument.',
    async run({ env }) {
      await throwsCode('InvalidArgument', () => env.sql.batch([]))
      await throwsCode('InvalidArgument', () => env.sql.batch('SELECT 1' as never))
      await throwsCode('InvalidArgument', () => env.sql.batch([undefined as never]))
    },
  },
  {
    id: 'sql-36',
    contract:
      'Transaction statements, ATTACH, PRAGMA, SET and VACUUM are InvalidArgument, in any case and ' +
      'behind comments.',
    async run({ env }) {
      const refused = [
        'BEGIN',
        'begin transaction',
        'COMMIT',
        'END',
        'ROLLBACK',
        'SAVEPOINT a',
        'RELEASE a',
        "ATTACH 'x' AS y",
        'DETACH y',
        'PRAGMA foreign_keys = 0',
        '/* x */ -- y\n Pragma user_version',
        'VACUUM',
        'SET search_path = x',
        'START TRANSACTION',
      ]
      for (const text of refused) await throwsCode('InvalidArgument', () => env.sql.run(text))
      await throwsCode('InvalidArgument', () => env.sql.batch([{ text: 'SELECT 1' }, { text: 'COMMIT' }]), {
        index: 1,
      })
    },
  },
  {
    id: 'sql-37',
    contract: 'A doubled primary key or UNIQUE value is AlreadyExists.',
    async run({ env, key }) {
      await env.sql.run('INSERT INTO counters (id, value) VALUES (?, 1)', [key()])
      await throwsCode('AlreadyExists', () =>
        env.sql.run('INSERT INTO counters (id, value) VALUES (?, 2)', [key()]),
      )
      await env.sql.run('INSERT INTO parents (id) VALUES (?)', [key()])
      await env.sql.run('INSERT INTO children (id, parent, code) VALUES (?, ?, ?)', [
        key('1'),
        key(),
        key('code'),
      ])
      await throwsCode('AlreadyExists', () =>
        env.sql.run('INSERT INTO children (id, parent, code) VALUES (?, ?, ?)', [
          key('2'),
          key(),
          key('code'),
        ]),
      )
    },
  },
  {
    id: 'sql-38',
    contract:
      'A foreign key, NOT NULL or CHECK that fails is Constraint with its kind; foreign keys are enforced.',
    async run({ env, key }) {
      await env.sql.run('INSERT INTO parents (id) VALUES (?)', [key()])
      const insert = 'INSERT INTO children (id, parent, age, name) VALUES (?, ?, ?, ?)'
      await throwsCode('Constraint', () => env.sql.run(insert, [key('1'), key('no parent'), 1, 'n']), {
        kind: 'foreignKey',
      })
      await throwsCode('Constraint', () => env.sql.run(insert, [key('1'), key(), 1, null]), {
        kind: 'notNull',
      })
      await throwsCode('Constraint', () => env.sql.run(insert, [key('1'), key(), -1, 'n']), { kind: 'check' })
      await env.sql.run(insert, [key('1'), key(), 1, 'n'])
      await throwsCode('Constraint', () => env.sql.run('DELETE FROM parents WHERE id = ?', [key()]), {
        kind: 'foreignKey',
      })
    },
  },
  {
    id: 'sql-39',
    contract:
      'A syntax error is InvalidArgument, a missing table is NotFound with kind table; the binding and ' +
      'operation are named.',
    async run({ env }) {
      await throwsCode('InvalidArgument', () => env.sql.all('SELEKT 1'))
      await throwsCode('InvalidArgument', () => env.sql.all('SELECT FROM WHERE'))
      const error = await throwsCode('NotFound', () => env.sql.all('SELECT * FROM no_such_table'), {
        kind: 'table',
      })
      equal(
        [(error as { binding?: string }).binding, (error as { operation?: string }).operation],
        ['sql', 'all'],
        'where',
      )
    },
  },
  {
    id: 'sql-40',
    contract: 'After an error the next statement works.',
    async run({ env }) {
      for (let round = 0; round < 5; round++) {
        await throwsCode(
          'NotFound',
          () => env.sql.batch([{ text: 'SELECT 1' }, { text: 'SELECT * FROM no_such_table' }]),
          { index: 1 },
        )
        equal(await env.sql.value('SELECT 1 AS one'), 1, 'value')
      }
    },
  },
  {
    id: 'sql-41',
    contract: 'A write is read by the statement that follows it.',
    async run({ env, key }) {
      for (let index = 0; index < 10; index++) {
        await env.sql.run('INSERT INTO counters (id, value) VALUES (?, ?)', [key(`r${index}`), index])
        equal(
          await env.sql.value('SELECT value FROM counters WHERE id = ?', [key(`r${index}`)]),
          index,
          'value',
        )
      }
    },
  },
  {
    id: 'sql-43',
    contract: 'Migrations have run: in the order of their names, each once, with the file of the engine.',
    async run({ env }) {
      const names = (
        await env.sql.all<{ name: string }>('SELECT name FROM unmoor_migrations ORDER BY name')
      ).map(({ name }) => name)
      equal(names, ['0001_tables', '0002_cases'], 'migrations')
    },
  },
  {
    id: 'sql-44',
    contract: 'Two hundred concurrent statements all get their own answers.',
    async run({ env }) {
      const answers = await Promise.all(
        Array.from({ length: 200 }, (_, index) =>
          env.sql.value("SELECT CAST(? AS TEXT) || '!' AS echo", [`v${index}`]),
        ),
      )
      equal(
        answers,
        Array.from({ length: 200 }, (_, index) => `v${index}!`),
        'answers',
      )
    },
  },
  {
    id: 'sql-45',
    contract: 'A table of a thousand rows is read whole.',
    exclusive: 'heavy',
    async run({ env, key }) {
      const rows = Array.from({ length: 1000 }, (_, index) => key(String(index).padStart(4, '0')))
      for (let at = 0; at < rows.length; at += 50) {
        const some = rows.slice(at, at + 50)
        await env.sql.run(
          `INSERT INTO cells (id, t) VALUES ${some.map(() => '(?, ?)').join(', ')}`,
          some.flatMap((id) => [id, 'many']),
        )
      }
      const read = await env.sql.all<{ id: string }>(
        'SELECT id FROM cells WHERE id >= ? AND id <= ? ORDER BY id',
        [rows[0] as string, rows.at(-1) as string],
      )
      equal(
        read.map(({ id }) => id),
        rows,
        'ids',
      )
    },
  },
])
