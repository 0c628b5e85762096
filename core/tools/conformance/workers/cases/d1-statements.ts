import { ok } from '../../assert.ts'
import { type WorkerCase, type WorkerTools, workerCases } from '../case.ts'
import { LIMIT_ROWS, LIMIT_SETUP, LIMIT_STATEMENTS, withTables } from './limit-statements.ts'
import { object } from './object-tools.ts'
import { equal, throwsText } from './tools.ts'

/** Returns the SQL statement with table names that are unique to this case. */
function own({ key }: WorkerTools, text: string, number: number): string {
  return withTables(text, `_${key(`${number}`).replaceAll(/\W/g, '_')}`)
}

export const D1_STATEMENTS: WorkerCase[] = workerCases('d1', [
  [
    '200',
    'DELETE and UPDATE take ORDER BY and LIMIT',
    async (tools) => {
      const { DB } = tools.env
      for (const [number, { text, params = [], left, returned }] of LIMIT_STATEMENTS.entries()) {
        await DB.batch(LIMIT_SETUP.map((setup) => DB.prepare(own(tools, setup, number))))
        const { results } = await DB.prepare(own(tools, text, number))
          .bind(...params)
          .all<{ x: string }>()
        if (returned !== undefined) equal(results.map(({ x }) => x).sort(), returned, text)
        equal(await DB.prepare(own(tools, LIMIT_ROWS, number)).first('rows'), left, text)
      }
    },
  ],
  [
    '201',
    'ORDER BY without LIMIT is refused',
    async ({ env }) => {
      await throwsText('ORDER BY without LIMIT on DELETE', () =>
        env.DB.prepare('DELETE FROM people ORDER BY id').run(),
      )
      await throwsText('ORDER BY without LIMIT on UPDATE', () =>
        env.DB.prepare('UPDATE people SET age = 1 ORDER BY id').run(),
      )
    },
  ],
  [
    '202',
    'a batch and exec take them too',
    async (tools) => {
      const { DB } = tools.env
      await DB.batch(LIMIT_SETUP.map((setup) => DB.prepare(own(tools, setup, 0))))
      await DB.batch([DB.prepare(own(tools, 'DELETE FROM {t} ORDER BY a LIMIT 1', 0))])
      await DB.exec(own(tools, 'DELETE FROM {t} ORDER BY a DESC LIMIT 1', 0))
      equal(await DB.prepare(own(tools, LIMIT_ROWS, 0)).first('rows'), '2two,3three')
    },
  ],
  [
    '203',
    'exec runs one query a line, with or without semicolons',
    async ({ env, key }) => {
      const insert = (suffix: string): string => `INSERT INTO people (name) VALUES ('${key(suffix)}')`
      const count = async (text: string): Promise<number> => (await env.DB.exec(text)).count
      equal(
        [
          await count(`${insert('a')}\n${insert('b')}`),
          await count(`${insert('c')};\n${insert('d')};`),
          await count(`${insert('e')}; ${insert('f')}`),
          await count(`\n\n  ${insert('g')}\r\n\n${insert('h')}\n`),
          await count(`SELECT 1 -- a comment\nSELECT ';'`),
        ],
        [2, 2, 1, 2, 2],
      )
      equal(
        await env.DB.prepare('SELECT count(*) AS n FROM people WHERE name LIKE ?').bind(key('_')).first('n'),
        8,
      )
    },
  ],
  [
    '204',
    'a statement over several lines is none for exec, and nothing of the text stays',
    async ({ env, key }) => {
      await throwsText('incomplete input', () => env.DB.exec("INSERT INTO people (name)\nVALUES ('x')"))
      await throwsText('syntax error', () =>
        env.DB.exec(`INSERT INTO people (name) VALUES ('${key()}')\nSELEC 2`),
      )
      equal(await env.DB.prepare('SELECT count(*) AS n FROM people WHERE name = ?').bind(key()).first('n'), 0)
    },
  ],
  [
    '205',
    'no temporary tables, and no functions and tables that tell of the machine',
    async ({ env }) => {
      for (const text of [
        'CREATE TEMP TABLE t (a)',
        'create /* c */ temporary table t as select 1',
        'CREATE TABLE temp.t (a)',
        'CREATE TEMP VIEW v AS SELECT 1',
        'SELECT sqlite_version()',
        'SELECT SQLITE_VERSION ()',
        'WITH x AS (SELECT sqlite_source_id()) SELECT * FROM x',
        'INSERT INTO people (name) VALUES (sqlite_version())',
        'CREATE VIRTUAL TABLE v USING fts4(a)',
      ])
        await throwsText('not authorized', () => env.DB.prepare(text).run())
      await throwsText('no such table: dbstat', () => env.DB.prepare('SELECT * FROM dbstat').all())
      equal(await env.DB.prepare("SELECT 'sqlite_version()' AS t").first('t'), 'sqlite_version()')
    },
  ],
  [
    '206',
    'last_row_id is that of the last insert, whatever the statement',
    async ({ env, key }) => {
      const rows = await env.DB.batch([
        env.DB.prepare('INSERT INTO people (name) VALUES (?)').bind(key('a')),
        env.DB.prepare('SELECT 1'),
        env.DB.prepare('UPDATE people SET age = 5 WHERE name = ?').bind(key('a')),
        env.DB.prepare('INSERT OR IGNORE INTO people (name) VALUES (?)').bind(key('a')),
        env.DB.prepare('DELETE FROM people WHERE name = ?').bind(key('a')),
      ])
      const [first, ...rest] = rows.map(({ meta }) => meta.last_row_id)
      ok(typeof first === 'number' && first > 0, String(first))
      equal(rest, [first, first, first, first])
    },
  ],
])

export const OBJECT_STATEMENTS: WorkerCase[] = workerCases('object', [
  [
    '240',
    'SQL: DELETE and UPDATE take ORDER BY and LIMIT',
    async (tools) => {
      for (const [number, { text, params = [], left, returned }] of LIMIT_STATEMENTS.entries()) {
        const stub = object(tools, `o${number}`)
        for (const setup of LIMIT_SETUP) await stub.task('sql', withTables(setup, ''))
        const { rows } = (await stub.task('sql', withTables(text, ''), ...params)) as {
          rows: { x: string }[]
        }
        if (returned !== undefined) equal(rows.map(({ x }) => x).sort(), returned, text)
        equal(
          await stub.task('sql', withTables(LIMIT_ROWS, '')),
          { columns: ['rows'], rows: [{ rows: left }] },
          text,
        )
      }
    },
  ],
])
