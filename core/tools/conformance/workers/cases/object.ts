import { eventually, ok } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { gives, object, type Stub } from './object-tools.ts'
import { equal, thrown, throwsText } from './tools.ts'

export const OBJECT: WorkerCase[] = workerCases('object', [
  [
    '01',
    'idFromName is the same for a name, and another for another',
    ({ env, key }) => {
      const { COUNTER } = env
      equal(
        [
          String(COUNTER.idFromName(key())) === String(COUNTER.idFromName(key())),
          String(COUNTER.idFromName(key('a'))) === String(COUNTER.idFromName(key('b'))),
        ],
        [true, false],
      )
      ok(/^[0-9a-f]{64}$/.test(String(COUNTER.idFromName(key()))), 'hex')
      equal(COUNTER.idFromName(key()).equals(COUNTER.idFromName(key())), true)
      equal(COUNTER.idFromName(key()).name, key())
    },
  ],
  [
    '02',
    'newUniqueId is unique, and has no name',
    ({ env }) => {
      const [a, b] = [env.COUNTER.newUniqueId(), env.COUNTER.newUniqueId()]
      equal([a.equals(b), a.name], [false, undefined])
    },
  ],
  [
    '03',
    'idFromString takes what toString gives, and refuses the rest',
    async ({ env }) => {
      const id = env.COUNTER.newUniqueId()
      equal(env.COUNTER.idFromString(id.toString()).equals(id), true)
      await throwsText('Invalid Durable Object ID', () => env.COUNTER.idFromString('xyz'), 'TypeError')
      await throwsText(/./, () => env.COUNTER.idFromString('0'.repeat(64)), 'TypeError')
    },
  ],
  [
    '04',
    'an object knows its id and name',
    async (tools) => {
      const { env, key } = tools
      const id = env.COUNTER.idFromName(key('o'))
      equal(await object(tools).task('id'), { id: id.toString(), name: key('o') })
    },
  ],
  [
    '05',
    'a method keeps state between calls',
    async (tools) => {
      const stub = object(tools)
      equal([await stub.increment(), await stub.increment(5), await object(tools).increment()], [1, 6, 7])
    },
  ],
  [
    '06',
    'calls at once reach one object',
    async (tools) => {
      const results = await Promise.all(Array.from({ length: 20 }, () => object(tools).increment()))
      equal(
        results.sort((a, b) => a - b),
        Array.from({ length: 20 }, (_, index) => index + 1),
      )
    },
  ],
  [
    '07',
    'objects are apart',
    async (tools) => {
      await object(tools, 'a').task('put', 'x', 1)
      equal(await object(tools, 'b').task('get', 'x'), undefined)
    },
  ],
  [
    '08',
    'fetch of a stub',
    async (tools) => {
      const response = await object(tools).fetch('http://object/path?q', { method: 'POST', body: 'the body' })
      equal(
        [await response.text(), response.headers.get('x-id')],
        ['POST /path the body', String(tools.env.COUNTER.idFromName(tools.key('o')))],
      )
    },
  ],
  [
    '09',
    'an error of a method comes over',
    async (tools) => {
      const error = await thrown(() => object(tools).fails())
      equal([error.name, error.message], ['TypeError', 'the object failed'])
    },
  ],
  [
    '10',
    'an error of fetch comes over',
    async (tools) => throwsText('thrown in fetch', () => object(tools).fetch('http://object/throw')),
  ],
  [
    '11',
    'a method that is not there',
    async (tools) =>
      throwsText(
        'does not implement the method "missing"',
        () => (object(tools) as unknown as { missing(): unknown }).missing(),
        'TypeError',
      ),
  ],
  [
    '12',
    'getByName',
    async ({ env, key }) => {
      const { COUNTER } = env as unknown as { COUNTER: { getByName(name: string): Stub } }
      equal(((await COUNTER.getByName(key()).task('id')) as { name: string }).name, key())
    },
  ],
  [
    '13',
    'a stub has id and name',
    (tools) => {
      const stub = object(tools)
      equal(
        [String(stub.id), stub.name],
        [String(tools.env.COUNTER.idFromName(tools.key('o'))), tools.key('o')],
      )
    },
  ],
  [
    '20',
    'put and get of values that structured cloning takes',
    async (tools) => {
      const stub = object(tools)
      const value = {
        date: new Date(7),
        map: new Map([['a', 1]]),
        set: new Set([1, 'x']),
        bytes: new Uint8Array([1, 2]),
        nested: [{ a: null }],
        big: 10n,
      }
      await stub.task('put', 'v', value)
      const back = (await stub.task('get', 'v')) as typeof value
      equal(
        [back.date, back.map, [...back.set], back.bytes, back.nested, back.big === 10n],
        [value.date, value.map, [1, 'x'], value.bytes, value.nested, true],
      )
    },
  ],
  gives('21', 'a key that is not there is undefined', undefined, 'get', 'nothing'),
  [
    '22',
    'several keys at once: a Map of those that are there, in order',
    async (tools) => {
      const stub = object(tools)
      await stub.task('putMany', { b: 2, a: 1, c: 3 })
      equal(await stub.task('getMany', ['c', 'a', 'zz']), [
        ['a', 1],
        ['c', 3],
      ])
    },
  ],
  [
    '23',
    'delete tells whether, and of several how many',
    async (tools) => {
      const stub = object(tools)
      await stub.task('putMany', { a: 1, b: 2, c: 3 })
      equal(
        [
          await stub.task('delete', 'a'),
          await stub.task('delete', 'a'),
          await stub.task('deleteMany', ['b', 'c', 'd']),
        ],
        [true, false, 2],
      )
    },
  ],
  [
    '24',
    'list in order, by prefix, start, end, limit and backwards',
    async (tools) => {
      const stub = object(tools)
      await stub.task('putMany', { a: 1, b1: 2, b2: 3, c: 4 })
      const keys = async (options: object): Promise<unknown> =>
        ((await stub.task('list', options)) as [string, unknown][]).map(([key]) => key)
      equal(await stub.task('list', {}), [
        ['a', 1],
        ['b1', 2],
        ['b2', 3],
        ['c', 4],
      ])
      equal(
        [
          await keys({ prefix: 'b' }),
          await keys({ start: 'b2' }),
          await keys({ startAfter: 'b2' }),
          await keys({ end: 'b2' }),
        ],
        [['b1', 'b2'], ['b2', 'c'], ['c'], ['a', 'b1']],
      )
      equal(
        [
          await keys({ limit: 2 }),
          await keys({ reverse: true, limit: 2 }),
          await keys({ prefix: 'b', start: 'b2' }),
        ],
        [['a', 'b1'], ['c', 'b2'], ['b2']],
      )
    },
  ],
  [
    '25',
    'deleteAll',
    async (tools) => {
      const stub = object(tools)
      await stub.task('putMany', { a: 1, b: 2 })
      await stub.task('sql', 'CREATE TABLE gone (a)')
      await stub.task('deleteAll')
      equal(await stub.task('list', {}), [])
      equal(await stub.task('sql', "SELECT count(*) AS n FROM sqlite_schema WHERE name = 'gone'"), {
        columns: ['n'],
        rows: [{ n: 0 }],
      })
    },
  ],
  [
    '26',
    'undefined and functions are refused',
    async (tools) => {
      const stub = object(tools)
      ok(String(await stub.task('fails', 'undefined')).startsWith('TypeError'), 'undefined')
      ok(String(await stub.task('fails', 'function')).startsWith('DataCloneError'), 'a function')
    },
  ],
  gives('27', 'a transaction that ends', ['fine', 'within'], 'transaction', 'end'),
  gives('28', 'a transaction that throws is undone', ['Error: undone', 'before'], 'transaction', 'throw'),
  gives('29', 'rollback of a transaction', ['fine', 'before'], 'transaction', 'rollback'),
  gives('30', 'storage.kv, synchronously', [{ n: 1 }, 2, true, false, undefined], 'syncKv'),
  gives(
    '31',
    'writes of one go stay when the code throws after them and goes on',
    ['Error: after the puts', 1, 2],
    'atomic',
  ),
  gives(
    '40',
    'SQL: rows as objects',
    { columns: ['a', 'b'], rows: [{ a: 1, b: 'x' }] },
    'sql',
    'SELECT ? AS a, ? AS b',
    1,
    'x',
  ),
  gives(
    '41',
    "SQL: several statements, the last one's rows",
    { columns: ['n'], rows: [{ n: 2 }] },
    'sql',
    'CREATE TABLE m (a); INSERT INTO m VALUES (1), (2); SELECT count(*) AS n FROM m',
  ),
  gives(
    '42',
    'SQL: rows as arrays',
    [
      [1, 2],
      [3, 4],
    ],
    'raw',
    'SELECT 1, 2 UNION ALL SELECT 3, 4',
  ),
  gives('43', 'SQL: a cursor gives each row once', { first: { a: 1 }, rest: [2, 3], after: true }, 'iterate'),
  [
    '44',
    'SQL: bytes are ArrayBuffers',
    async (tools) => {
      const { rows } = (await object(tools).task(
        'sql',
        'SELECT ? AS b, NULL AS n',
        new Uint8Array([1, 255]).buffer,
      )) as { rows: { b: ArrayBuffer; n: null }[] }
      ok(rows[0]?.b instanceof ArrayBuffer, 'an ArrayBuffer')
      equal([[...new Uint8Array(rows[0].b)], rows[0].n], [[1, 255], null])
    },
  ],
  [
    '45',
    'SQL: one() wants exactly one row',
    async (tools) => {
      ok(
        /Expected exactly one result from SQL query, but got no results/.test(
          String(await object(tools).task('fails', 'one none')),
        ),
        'none',
      )
      ok(
        /Expected exactly one result from SQL query, but got multiple results/.test(
          String(await object(tools).task('fails', 'one many')),
        ),
        'many',
      )
    },
  ],
  [
    '46',
    "SQL: errors in SQLite's words",
    async (tools) => {
      ok(
        /near "SELEC": syntax error.*SQLITE_ERROR/.test(
          String(await object(tools).task('fails', 'sql syntax')),
        ),
        'syntax',
      )
      ok(
        /UNIQUE constraint failed: u\.a: SQLITE_CONSTRAINT/.test(
          String(await object(tools).task('fails', 'unique')),
        ),
        'unique',
      )
      ok(
        /Wrong number of parameter bindings for SQL query/.test(
          String(await object(tools).task('fails', 'sql arity')),
        ),
        'arity',
      )
    },
  ],
  [
    '47',
    "SQL: transactions are refused, and the storage's own tables",
    async (tools) => {
      ok(
        /To execute a transaction, please use the state\.storage\.transaction/.test(
          String(await object(tools).task('fails', 'sql begin')),
        ),
        'BEGIN',
      )
      ok(String(await object(tools).task('fails', 'internal')) !== 'fine', 'internal')
    },
  ],
  gives('48', 'transactionSync that ends', ['fine', 1], 'transactionSync', 'end'),
  gives('49', 'transactionSync that throws is undone', ['Error: undone', 0], 'transactionSync', 'throw'),
  gives('50', 'SQL: rowsWritten and databaseSize', { written: true, size: true }, 'written'),
  [
    '60',
    'an alarm rings, and is gone while it does',
    async (tools) => {
      const stub = object(tools)
      const [set, got] = (await stub.task('setAlarm', 60_000)) as [number, number]
      equal(got, set)
      await stub.task('setAlarm', 100)
      await eventually(async () =>
        equal(await stub.task('rang'), { rang: 1, info: { retryCount: 0, isRetry: false, next: null } }),
      )
    },
  ],
  gives('61', 'deleteAlarm', null, 'deleteAlarm'),
  [
    '62',
    'an alarm that fails rings again',
    async (tools) => {
      const stub = object(tools)
      await stub.task('setAlarm', 10, { failOnce: true })
      await eventually(
        async () =>
          equal(await stub.task('rang'), { rang: 2, info: { retryCount: 1, isRetry: true, next: null } }),
        15,
      )
    },
  ],
  [
    '63',
    'an alarm in the past rings at once; a later one replaces an earlier',
    async (tools) => {
      const stub = object(tools)
      await stub.task('setAlarm', 60_000)
      await stub.task('setAlarm', -1000)
      await eventually(async () => equal(((await stub.task('rang')) as { rang: number }).rang, 1))
    },
  ],
  [
    '70',
    'blockConcurrencyWhile: nothing comes in between',
    async (tools) => {
      const results = await Promise.all([1, 2, 3].map(() => object(tools).task('blocked')))
      equal(
        (results as number[]).sort((a, b) => a - b),
        [0, 1, 2],
      )
    },
  ],
  [
    '71',
    'events run beside each other where one waits for something else',
    async (tools) => {
      const results = (await Promise.all([
        object(tools).task('slow'),
        object(tools).task('slow'),
      ])) as string[][]
      ok(
        results.some((order) => order.join(' ').startsWith('in in')),
        JSON.stringify(results),
      )
    },
  ],
  [
    '900',
    'an error of an object says that it is remote',
    async (tools) => {
      const error = (await thrown(() => object(tools).fails())) as Error & { remote?: boolean }
      equal(error.remote, true)
    },
  ],
])
