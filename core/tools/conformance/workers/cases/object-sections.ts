import { ok } from '../../assert.ts'
import { type WorkerCase, type WorkerTools, workerCases } from '../case.ts'
import { gives, object } from './object-tools.ts'
import { equal, throwsText } from './tools.ts'

interface MigratedStub {
  state(): Promise<unknown>
  add(): Promise<void>
  count(): Promise<number>
  hang(): Promise<never>
  fail(): Promise<void>
}

/** Returns a stub of a Durable Object, unique to the case, that migrates its storage in its constructor. */
function migrated({ env, key }: WorkerTools): MigratedStub {
  return env.MIGRATED.get(env.MIGRATED.idFromName(key('m'))) as object as MigratedStub
}

/**
 * Defines a case about a section (nested transactions of a Durable Object) that succeeds: its log, and the
 * stored values afterwards.
 */
const section = (
  number: string,
  contract: string,
  name: string,
  log: string[],
  stored: object,
): [string, string, WorkerCase['run']] => gives(number, contract, ['fine', log, stored], 'section', name)

/** Defines a case about a section (nested transactions of a Durable Object) that fails with `message`. */
const refused = (
  number: string,
  contract: string,
  name: string,
  message: RegExp,
): [string, string, WorkerCase['run']] => [
  number,
  contract,
  async (tools) => {
    const [outcome] = (await object(tools).task('section', name)) as [string]
    ok(message.test(outcome), outcome)
  },
]

/**
 * Storage keys of a Durable Object that are not text: name, the key that the asynchronous API stores
 * (undefined if it refuses the key), and the key that the synchronous API stores, if different.
 */
const KEYS: readonly (readonly [string, string | undefined, string?])[] = [
  ['number', '5'],
  ['null', 'null'],
  ['undefined', 'undefined'],
  ['boolean', 'true'],
  ['bigint', '5'],
  ['object', undefined, '[object Object]'],
  ['symbol', undefined],
]

const VALUES: readonly (readonly [string, unknown, string])[] = [
  ['true', 'true', 'text'],
  ['false', 'false', 'text'],
  ['boxed', 'boxed', 'text'],
  ['array', '1,2', 'text'],
  ['object', '[object Object]', 'text'],
  ['undefined', null, 'null'],
  ['whole', 7, 'real'],
]

export const OBJECT_SECTIONS: WorkerCase[] = workerCases('object', [
  [
    '200',
    'a constructor migrates in a transaction within blockConcurrencyWhile',
    async (tools) => equal(await migrated(tools).state(), [0, 1, true]),
  ],
  section('201', 'a transaction within another', 'nested', [], { a: 1, b: 2, c: 3 }),
  section('202', 'an inner transaction that throws is undone alone', 'inner throws', [], { a: 1, c: 3 }),
  gives(
    '203',
    'an outer transaction that throws undoes the inner',
    ['Error: undone', [], {}],
    'section',
    'outer throws',
  ),
  section('204', 'rollback of an inner transaction', 'inner rolls back', [], { a: 1 }),
  section('205', 'transactions three deep', 'three deep', [], { deep: true }),
  section('206', 'transactionSync within a transaction', 'transactionSync within', [], { a: 1 }),
  section('207', 'a transaction begun in transactionSync', 'within transactionSync', [], { a: 1 }),
  section(
    '208',
    'blockConcurrencyWhile within blockConcurrencyWhile',
    'block in block',
    ['outer in', 'inner in', 'inner out', 'outer out'],
    {},
  ),
  section(
    '209',
    'blockConcurrencyWhile within a transaction',
    'block in transaction',
    ['inner in', 'inner out'],
    {},
  ),
  section(
    '210',
    'transactions within blockConcurrencyWhile',
    'transaction in block',
    ['first in', 'first out', 'second in', 'second out'],
    {},
  ),
  section(
    '211',
    'transactions side by side run one after another',
    'side by side',
    ['1 in', '1 out', '2 in', '2 out', '3 in', '3 out'],
    {},
  ),
  section(
    '212',
    'transactions side by side within another',
    'side by side within',
    ['1 in', '1 out', '2 in', '2 out'],
    {},
  ),
  refused(
    '213',
    'an outer rollback within the inner',
    'rolled back by the outer',
    /Cannot roll back an outer/,
  ),
  refused('214', 'put after rollback', 'put after rollback', /Cannot put\(\) on rolled back transaction/),
  refused('215', 'put after the end', 'put after the end', /has already committed/),
  refused('216', 'deleteAll within a transaction', 'deleteAll within', /Cannot call deleteAll\(\)/),
  refused('217', 'a transaction without a function', 'no function', /^TypeError: .*not of type 'function'/),
  section('218', 'a transaction of a plain function', 'no async function', ['7'], { a: 1 }),
  section('219', 'an alarm deleted in a transaction that is undone stays', 'an alarm', ['true'], {}),
  [
    '220',
    'events that are under way take turns with their transactions',
    async (tools) => {
      const stub = migrated(tools)
      await Promise.all([1, 2, 3, 4].map(() => stub.add()))
      equal(await stub.count(), 4)
    },
  ],
  [
    '221',
    'a section that fails ends the events under way, and the next one finds a new object',
    async (tools) => {
      const stub = migrated(tools)
      const hanging = throwsText('the section failed', () => stub.hang())
      await throwsText('the section failed', () => stub.fail())
      await hanging
      equal(await migrated(tools).state(), [1, 2, true])
    },
  ],
  [
    '222',
    'keys that are no text become it',
    async (tools) => {
      for (const [name, stored = '', sync = stored] of KEYS) {
        const steps = (await object(tools, name).task('odd', name)) as string[]
        equal(
          [steps[1], steps[4], steps[6], steps[9]],
          [stored, '', sync, ''],
          `${name}: ${JSON.stringify(steps)}`,
        )
        equal(steps[0] === 'fine', stored !== '', name)
      }
    },
  ],
  [
    '223',
    'put, get and delete without a key are refused',
    async (tools) => {
      const stub = object(tools)
      for (const method of ['put', 'get', 'delete'])
        ok(/^TypeError: .*parameter 1/.test(String(await stub.task('call', method))), method)
    },
  ],
  [
    '224',
    'undefined among the entries of put is left out',
    async (tools) => {
      const stub = object(tools)
      equal(await stub.task('call', 'put', { a: undefined, b: 1 }), 'fine')
      equal(await stub.task('list', {}), [['b', 1]])
    },
  ],
  [
    '225',
    'options of list become what they should be',
    async (tools) => {
      const stub = object(tools)
      await stub.task('putMany', { '5a': 1, '5b': 2, z: 3 })
      const keys = async (options: object): Promise<string> =>
        ((await stub.task('list', options)) as [string, unknown][]).map(([key]) => key).join()
      equal(
        [await keys({ prefix: 5 }), await keys({ limit: '2' }), await keys({ limit: 1.5 })],
        ['5a,5b', '5a,5b', '5a'],
      )
      for (const limit of [0, -1, 'x', Infinity])
        ok(/List limit must be positive/.test(String(await stub.task('call', 'list', { limit }))), `${limit}`)
      ok(/ListOptions/.test(String(await stub.task('call', 'list', 'x'))), 'no object')
    },
  ],
  [
    '226',
    'an alarm takes a date or a number above zero',
    async (tools) => {
      const stub = object(tools)
      for (const time of ['5', null, undefined, Number.NaN, -1, 1e300, true, {}])
        ok(String(await stub.task('call', 'setAlarm', time)).startsWith('TypeError'), JSON.stringify(time))
    },
  ],
  [
    '230',
    'SQL: what is no number, bytes or null is bound as text',
    async (tools) => {
      for (const [name, v, t] of VALUES) equal(await object(tools).task('bind', name), { v, t }, name)
      await throwsText('Cannot convert a BigInt', () => object(tools).task('bind', 'bigint'), 'TypeError')
      await throwsText('Cannot convert a Symbol', () => object(tools).task('bind', 'symbol'), 'TypeError')
    },
  ],
  [
    '231',
    'SQL: "text" in double quotes that names no column is a string',
    async (tools) => {
      const stub = object(tools)
      equal(await stub.task('sql', 'SELECT "hello" AS a'), { columns: ['a'], rows: [{ a: 'hello' }] })
      await stub.task('sql', 'CREATE TABLE q (a TEXT DEFAULT "none", b TEXT)')
      await stub.task('sql', 'INSERT INTO q (b) VALUES ("it")')
      equal(await stub.task('sql', 'SELECT * FROM q WHERE b = "it"'), {
        columns: ['a', 'b'],
        rows: [{ a: 'none', b: 'it' }],
      })
    },
  ],
  [
    '232',
    'SQL: no temporary tables, and no functions that tell of the machine',
    async (tools) => {
      const stub = object(tools)
      await stub.task('sql', 'CREATE TABLE base (a)')
      for (const text of [
        'CREATE TEMP TABLE t (a)',
        'CREATE TEMPORARY TABLE t AS SELECT 1',
        'CREATE TABLE temp.t (a)',
        'CREATE TEMP VIEW v AS SELECT 1',
        'CREATE TEMP TRIGGER g AFTER INSERT ON base BEGIN SELECT 1; END',
        'SELECT sqlite_version()',
        'SELECT sqlite_source_id()',
      ])
        ok(/not authorized/.test(String(await stub.task('sqlFails', text))), text)
      ok(/no such table: dbstat/.test(String(await stub.task('sqlFails', 'SELECT * FROM dbstat'))), 'dbstat')
    },
  ],
  [
    '233',
    'SQL: named parameters, and comments and brackets as SQLite has them',
    async (tools) => {
      const stub = object(tools)
      equal(await stub.task('sql', 'SELECT :a AS a, @b AS b, $c AS c, :a AS d', 1, 2, 3), {
        columns: ['a', 'b', 'c', 'd'],
        rows: [{ a: 1, b: 2, c: 3, d: 1 }],
      })
      equal(await stub.task('sql', "SELECT /* a /* b */ 1 AS [it's]"), {
        columns: ["it's"],
        rows: [{ "it's": 1 }],
      })
    },
  ],
  [
    '234',
    'SQL: parameters belong to the last statement alone; nothing is no statement',
    async (tools) => {
      const stub = object(tools)
      ok(/only the last statement/.test(String(await stub.task('sqlFails', 'SELECT ?; SELECT ?', 1))), 'two')
      for (const text of ['', ';', '-- nothing'])
        ok(/did not contain a statement/.test(String(await stub.task('sqlFails', text))), text)
    },
  ],
])
