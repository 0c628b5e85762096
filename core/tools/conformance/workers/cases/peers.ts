/**
 * Cases for differences between Cloudflare and unmoor that the tests of miniflare and workerd found
 * (`test/peers`).
 */
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
  [
    '72',
    'a type that is no text is refused',
    async ({ env, key }) => {
      await env.KV.put(key(), 'v')
      await throwsText('Unknown response type', () => env.KV.get(key(), 5 as never), 'TypeError')
    },
  ],
  [
    '73',
    'metadata is kept as its JSON, which it may make itself',
    async ({ env, key }) => {
      await env.KV.put(key(), 'v', { metadata: { toJSON: () => 'made' } })
      equal((await env.KV.getWithMetadata(key())).metadata, 'made')
      await env.KV.put(key(), 'v', { metadata: { at: new Date(0), gone: undefined } })
      equal((await env.KV.getWithMetadata(key())).metadata, { at: '1970-01-01T00:00:00.000Z' })
    },
  ],
  [
    '74',
    'a symbol is no value',
    ({ env, key }) => throwsText('Symbol', () => env.KV.put(key(), Symbol('s') as never), 'TypeError'),
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
  [
    '112',
    'head() tells the range of the whole object, put() and list() tell none',
    async ({ env, key }) => {
      const made = await env.BUCKET.put(key(), 'hello')
      const listed = (await env.BUCKET.list({ prefix: key() })).objects[0]
      const head = await env.BUCKET.head(key())
      equal([made.range, listed?.range, head?.range], [undefined, undefined, { offset: 0, length: 5 }])
    },
  ],
  [
    '113',
    'each upload of a part has an etag of its own, and complete() takes the last one alone',
    async ({ env, key }) => {
      const upload = await env.BUCKET.createMultipartUpload(key())
      const first = await upload.uploadPart(1, 'same')
      const second = await upload.uploadPart(1, 'same')
      ok(first.etag !== second.etag, 'the etags are the same')
      await throwsText('(10025)', () => upload.complete([first]))
      equal((await upload.complete([second])).size, 4)
    },
  ],
  [
    '114',
    'options may be null, and are refused where they are no object',
    async ({ env, key }) => {
      const none = null as never
      const wrong = 5 as never
      equal((await env.BUCKET.put(key(), 'x', none)).size, 1)
      equal((await env.BUCKET.get(key(), none))?.size, 1)
      equal(typeof (await env.BUCKET.list(none)).truncated, 'boolean')
      await throwsText("'PutOptions'", () => env.BUCKET.put(key(), 'x', wrong), 'TypeError')
      await throwsText("'GetOptions'", () => env.BUCKET.get(key(), wrong), 'TypeError')
      await throwsText("'ListOptions'", () => env.BUCKET.list(wrong), 'TypeError')
    },
  ],
  [
    '115',
    'what a list includes is an array of names that R2 knows',
    async ({ env }) => {
      await throwsText(
        'Unsupported include value',
        () => env.BUCKET.list({ include: ['x'] as never }),
        'RangeError',
      )
      await throwsText(
        "'include' field",
        () => env.BUCKET.list({ include: 'httpMetadata' as never }),
        'TypeError',
      )
    },
  ],
  [
    '116',
    'a part needs content, and complete() an array of parts with numbers',
    async ({ env, key }) => {
      const upload = await env.BUCKET.createMultipartUpload(key())
      await throwsText('parameter 2 is not of type', () => upload.uploadPart(1, null as never), 'TypeError')
      await throwsText('parameter 1 is not of type', () => upload.complete(null as never), 'TypeError')
      await throwsText('Part number must be', () => upload.complete([{}] as never), 'TypeError')
      await upload.abort()
    },
  ],
  [
    '117',
    'complete() of an upload that the key never had is an internal error',
    async ({ env, key }) => {
      await throwsText('(10001)', () => env.BUCKET.resumeMultipartUpload(key(), 'nonsense').complete([]))
      const upload = await env.BUCKET.createMultipartUpload(key())
      await throwsText('(10001)', () =>
        env.BUCKET.resumeMultipartUpload(key('other'), upload.uploadId).complete([]),
      )
      await upload.abort()
      await throwsText('(10024)', () => upload.complete([]))
    },
  ],
  [
    '118',
    'custom metadata that is an array is refused',
    ({ env, key }) =>
      throwsText(
        "'customMetadata' field on 'PutOptions'",
        () => env.BUCKET.put(key(), 'x', { customMetadata: ['x'] as never }),
        'TypeError',
      ),
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
  [
    '83',
    'changes are those of all statements of a call',
    async ({ env, key }) => {
      const name = key()
      const one = (suffix: string): string => `INSERT INTO people (name) VALUES ('${name}${suffix}')`
      const { meta } = await env.DB.prepare(`${one('a')}; ${one('b')}; ${one('c')}`).run()
      equal([meta.changes, meta.changed_db], [3, true])
    },
  ],
  [
    '84',
    'RETURNING after LIMIT is a mistake',
    ({ env }) =>
      throwsText('syntax error', () =>
        env.DB.prepare('DELETE FROM people WHERE id < 0 ORDER BY id LIMIT 1 RETURNING id').run(),
      ),
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
  [
    '61',
    'an answer that was kept has its length, and the Cache-Control that it came with',
    async ({ key }) => {
      const cache = all().default
      const url = `http://cache.example/${key()}`
      const expires = new Date(Date.now() + 100_000).toUTCString()
      await cache.put(url, new Response('hello', { headers: { expires } }))
      const found = await cache.match(url)
      equal(
        [found?.headers.get('content-length'), found?.headers.get('cache-control'), await found?.text()],
        ['5', null, 'hello'],
      )
    },
  ],
  [
    '62',
    'which answers are kept: by their status, their age and when they were modified',
    async ({ key }) => {
      const cache = all().default
      const kept = async (status: number, headers: Record<string, string>): Promise<number | undefined> => {
        const url = `http://cache.example/${key(`${status}${Object.keys(headers).join()}`)}`
        await cache.put(url, new Response(status === 204 ? null : 'x', { status, headers }))
        return (await cache.match(url))?.status
      }
      const fresh = { 'cache-control': 'max-age=100' }
      const modified = { 'last-modified': 'Tue, 13 Sep 2022 12:00:00 GMT' }
      equal(
        [await kept(204, fresh), await kept(500, fresh), await kept(404, fresh)],
        [undefined, undefined, 404],
      )
      equal(
        [await kept(200, { ...fresh, age: '200' }), await kept(307, { ...fresh, age: '50' })],
        [undefined, 307],
      )
      equal(
        [await kept(200, modified), await kept(302, modified), await kept(200, {})],
        [200, undefined, undefined],
      )
    },
  ],
  [
    '63',
    'a range that asks for nothing, or for more than the whole end, is answered with the whole',
    async ({ key }) => {
      const cache = all().default
      const url = `http://cache.example/${key()}`
      await cache.put(url, new Response('0123456789', { headers: { 'cache-control': 'max-age=100' } }))
      for (const range of ['bytes=', '', 'bytes=-100', 'bytes=-0']) {
        const found = await cache.match(new Request(url, { headers: { range } }))
        equal([found?.status, await found?.text()], [200, '0123456789'], range)
      }
      equal(await cache.match(new Request(url, { method: 'HEAD' })), undefined)
    },
  ],
])

/**
 * Runs a task that breaks its Durable Object, then another call of the same stub, which stays broken; returns
 * the errors of both.
 */
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
