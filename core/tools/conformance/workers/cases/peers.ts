/** What the tests of miniflare and workerd themselves found: `test/peers`. */
import { ok } from '../../assert.ts'
import { type WorkerCase, type WorkerTools, workerCases } from '../case.ts'
import { all } from './cache.ts'
import { gives, object } from './object-tools.ts'
import { equal, thrown, throwsText } from './tools.ts'

const KV = workerCases('kv', [
  [
    '70',
    'many values of an unknown type are refused in the words of the bulk operation',
    ({ env, key }) =>
      throwsText('KV GET_BULK failed: 400 "invalid" is not a valid type. Use "json" or "text"', () =>
        env.KV.get([key()], 'invalid' as never),
      ),
  ],
  [
    '71',
    'many values of which one is no JSON are refused as one',
    async ({ env, key }) => {
      await env.KV.put(key('good'), '{}')
      await env.KV.put(key('bad'), 'bad')
      const text =
        'KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value'
      await throwsText(text, () => env.KV.get([key('good'), key('bad')], 'json'))
      await throwsText(text, () => env.KV.getWithMetadata([key('good'), key('bad')], 'json'))
    },
  ],
])

const R2 = workerCases('r2', [
  [
    '110',
    'a version is 32 hexadecimal digits',
    async ({ env, key }) => {
      const versions = [
        (await env.BUCKET.put(key(), 'a')).version,
        (await env.BUCKET.head(key()))?.version ?? '',
        (await env.BUCKET.list({ prefix: key() })).objects[0]?.version ?? '',
      ]
      for (const version of versions) ok(/^[\da-f]{32}$/.test(version), version)
    },
  ],
  [
    '111',
    'an upload whose key is too long is refused by that',
    async ({ env }) => {
      const upload = env.BUCKET.resumeMultipartUpload('x'.repeat(1025), 'bad')
      const text = 'The specified object name is not valid. (10020)'
      await throwsText(`uploadPart: ${text}`, () => upload.uploadPart(1, 'x'))
      await throwsText(`abortMultipartUpload: ${text}`, () => upload.abort())
    },
  ],
])

const D1 = workerCases('d1', [
  [
    '80',
    'tables and columns are renamed, and columns dropped',
    async ({ env, key }) => {
      const table = key().replaceAll(/\W/g, '_')
      await env.DB.exec(`CREATE TABLE "${table}" (a, b)`)
      await env.DB.exec(`ALTER TABLE "${table}" RENAME TO "${table}2"`)
      await env.DB.prepare(`ALTER TABLE "${table}2" RENAME COLUMN a TO c`).run()
      await env.DB.prepare(`ALTER TABLE "${table}2" DROP COLUMN b`).run()
      await env.DB.prepare(`INSERT INTO "${table}2" VALUES (?)`).bind(1).run()
      equal((await env.DB.prepare(`SELECT * FROM "${table}2"`).all()).results, [{ c: 1 }])
      await env.DB.exec(`DROP TABLE "${table}2"`)
    },
  ],
  [
    '81',
    'of several statements only the last one takes parameters',
    ({ env }) =>
      throwsText(
        'When executing multiple SQL statements in a single call, only the last statement can have parameters.',
        () => env.DB.prepare('SELECT ? AS a; SELECT ? AS b').bind(1).all(),
      ),
  ],
  [
    '82',
    'a row that is written is a row that was read',
    async ({ env, key }) => {
      const { meta } = await env.DB.prepare('INSERT INTO people (id, name) VALUES (?, ?)')
        .bind(Math.floor(Math.random() * 2 ** 40) + 1000, key())
        .run()
      ok(meta.rows_read >= 1 && meta.changes === 1, JSON.stringify(meta))
    },
  ],
])

const CACHE = workerCases('cache', [
  [
    '60',
    'a condition whose date is not in the form of HTTP does not hold',
    async ({ key }) => {
      const cache = all().default
      const url = `http://cache.example/${key()}`
      const headers = { 'cache-control': 'max-age=100', 'last-modified': 'Tue, 13 Sep 2022 12:00:00 GMT' }
      await cache.put(url, new Response('body', { headers }))
      const status = async (date: string): Promise<number | undefined> =>
        (await cache.match(new Request(url, { headers: { 'if-modified-since': date } })))?.status
      equal(await status('Tue, 13 Sep 2022 13:00:00 GMT'), 304)
      equal(await status('13 Sep 2022 13:00:00 GMT'), 200)
      equal(await status('2022-09-13T13:00:00Z'), 200)
    },
  ],
])

/** The error of an object's task, and then of its stub: it stays broken. */
async function reset(tools: WorkerTools, task: string): Promise<[string, boolean, string]> {
  const stub = object(tools)
  const first = await thrown(() => stub.task(task))
  const second = await thrown(() => stub.task('get', 'kept'))
  return [first.message, 'durableObjectReset' in first, second.message]
}

const OBJECT = workerCases('object', [
  gives('302', 'tables and columns are renamed, and columns dropped', [{ c: 1 }], 'alter'),
  gives('303', 'rowsRead is one row ahead of what was returned', [2, 3, 3], 'rowsRead'),
  gives('304', 'a text in double quotes may begin as the own tables do', [{ n: 1 }], 'quotedPrefix'),
  gives(
    '305',
    'deleteAll() drops tables of full-text search and such as refer to others',
    [],
    'deleteAllSearched',
  ),
  gives('306', 'foreign keys can be switched off where no transaction is open', 1, 'foreignKeysOff'),
  [
    '307',
    'errors of statements have the place and the code',
    async (tools) => {
      for (const [query, message] of [
        ['SELECT * bunk;', 'near "bunk": syntax error at offset 9'],
        ['PRAGMA defer_foreign_keys = abcd', 'not authorized'],
        ['SELECT 1; -- a comment', 'SQL code did not contain a statement'],
        [
          "CREATE TABLE typed (a); INSERT INTO typed (rowid) VALUES ('x')",
          'datatype mismatch: SQLITE_MISMATCH',
        ],
      ] as const) {
        const text = String(await object(tools).task('thrown', query))
        ok(text.includes(message), `${query}: ${text}`)
      }
    },
  ],
  [
    '308',
    'what cannot be kept when the transaction ends resets the object, and fails its event',
    async (tools) => {
      const [first, isReset, second] = await reset(tools, 'violate')
      ok(first.includes('constraints were violated: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT'), first)
      equal([isReset, second], [false, first])
      equal(await object(tools).task('get', 'kept'), undefined)
    },
  ],
  [
    '309',
    'abort() throws, undoes what was not kept, and breaks the stub',
    async (tools) => {
      equal(await reset(tools, 'abort'), ['given up', true, 'given up'])
      equal(await object(tools).task('get', 'kept'), undefined)
    },
  ],
])

export const PEERS: WorkerCase[] = [...KV, ...R2, ...D1, ...CACHE, ...OBJECT]
