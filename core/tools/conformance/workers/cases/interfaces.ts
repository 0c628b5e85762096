import { fail } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { equal, thrown, throwsText } from './tools.ts'

type Method = (...args: unknown[]) => unknown
type Loose = Record<string, Method>
// As workerd declares it; the project's own types of the web have no default cache.
const defaultCache = (): Loose => Reflect.get(caches, 'default') as Loose
declare const HTMLRewriter: new () => object

/** Fails unless each call throws a TypeError about a parameter of this interface's method. */
async function refusesMissing(
  owner: string,
  object: unknown,
  calls: readonly (readonly [method: string, args: readonly unknown[], parameter: number])[],
): Promise<void> {
  for (const [method, args, parameter] of calls)
    await throwsText(
      `Failed to execute '${method}' on '${owner}': parameter ${parameter} is not of type`,
      () => (object as Loose)[method]?.(...args),
      'TypeError',
    )
}

const named = (value: unknown): [string, string] => [
  (value as object).constructor.name,
  Object.prototype.toString.call(value),
]
const interfaceOf = (name: string): [string, string] => [name, `[object ${name}]`]

const ARGUMENTS = workerCases('handler', [
  [
    '600',
    'KV and R2 refuse calls without what they need',
    async ({ env }) => {
      await refusesMissing('KvNamespace', env.KV, [
        ['get', [], 1],
        ['getWithMetadata', [], 1],
        ['put', [], 1],
        ['put', ['key'], 2],
        ['delete', [], 1],
        ['put', ['key', 'value', 5], 3],
        ['list', [5], 1],
      ])
      await refusesMissing('R2Bucket', env.BUCKET, [
        ['get', [], 1],
        ['head', [], 1],
        ['put', [], 1],
        ['put', ['key'], 2],
        ['delete', [], 1],
        ['createMultipartUpload', [], 1],
        ['resumeMultipartUpload', ['key'], 2],
      ])
    },
  ],
  [
    '601',
    'caches refuse calls without what they need',
    async () => {
      await refusesMissing('Cache', defaultCache(), [
        ['match', [], 1],
        ['put', [], 1],
        ['put', ['http://x/'], 2],
        ['put', ['http://x/', 'text'], 2],
        ['delete', [], 1],
      ])
      await refusesMissing('CacheStorage', caches, [['open', [], 1]])
      await throwsText('not implemented', () => defaultCache()['add']?.('http://x/'))
    },
  ],
  [
    '602',
    'HTMLRewriter and waitUntil refuse calls without what they need',
    async ({ ctx }) => {
      await refusesMissing('HTMLRewriter', new HTMLRewriter(), [
        ['on', [], 1],
        ['on', ['p'], 2],
        ['on', ['p', 5], 2],
        ['onDocument', [], 1],
        ['transform', ['x'], 1],
      ])
      await refusesMissing('ExecutionContext', ctx, [['waitUntil', [], 1]])
    },
  ],
])

const NAMES = workerCases('handler', [
  [
    '610',
    'bindings and globals have the names of their interfaces',
    ({ env, ctx }) => {
      equal(named(env.KV), interfaceOf('KvNamespace'))
      equal(named(env.BUCKET), interfaceOf('R2Bucket'))
      equal((env.DB as object).constructor.name, 'D1Database')
      equal((env.DB.prepare('SELECT 1') as object).constructor.name, 'D1PreparedStatement')
      equal(named(ctx), interfaceOf('ExecutionContext'))
      equal(named(caches), interfaceOf('CacheStorage'))
      equal(named(defaultCache()), interfaceOf('Cache'))
      equal(named(navigator), interfaceOf('Navigator'))
      equal(named(scheduler), interfaceOf('Scheduler'))
      equal(named(new HTMLRewriter()), interfaceOf('HTMLRewriter'))
      for (const name of ['Cache', 'CacheStorage', 'Navigator'])
        equal(typeof Reflect.get(globalThis, name), 'function', name)
    },
  ],
  [
    '611',
    'bindings have no properties of their own but what workerd shows',
    ({ env }) => {
      equal(
        [env.KV, env.BUCKET].map((binding) => Object.keys(binding)),
        [[], []],
      )
      equal(JSON.parse(JSON.stringify(env.DB.prepare('SELECT ?').bind(1))), {
        statement: 'SELECT ?',
        params: [1],
      })
    },
  ],
  [
    '612',
    'an R2 object as JSON has its etag for HTTP and its checksums',
    async ({ env, key }) => {
      await env.BUCKET.put(key(), 'hello', { httpMetadata: { contentType: 'x/y' } })
      const md5 = '5d41402abc4b2a76b9719d911017c592'
      const check = (text: string): void => {
        const { httpEtag, checksums, size, etag, httpMetadata } = JSON.parse(text) as Record<string, unknown>
        equal(
          { httpEtag, checksums, size, etag, httpMetadata },
          {
            httpEtag: `"${md5}"`,
            checksums: { md5 },
            size: 5,
            etag: md5,
            httpMetadata: { contentType: 'x/y' },
          },
        )
      }
      const head = await env.BUCKET.head(key())
      check(JSON.stringify(head))
      check(JSON.stringify({ ...head }))
      check(JSON.stringify(await env.BUCKET.get(key())))
      const { objects } = await env.BUCKET.list({ prefix: key(), include: ['httpMetadata'] })
      check(JSON.stringify(objects[0]))
    },
  ],
  [
    '613',
    'navigator tells of one processor, a platform and a language',
    () => {
      const fact = (name: string): unknown => Reflect.get(navigator, name)
      equal(['hardwareConcurrency', 'language', 'languages'].map(fact).concat(typeof fact('platform')), [
        1,
        'en',
        ['en'],
        'string',
      ])
    },
  ],
  [
    '614',
    'Cloudflare.compatibilityFlags has the flags of the configuration',
    () => {
      const { compatibilityFlags } = Reflect.get(globalThis, 'Cloudflare') as {
        compatibilityFlags: Record<string, unknown>
      }
      equal([compatibilityFlags['nodejs_compat'], compatibilityFlags['nope']], [true, undefined])
    },
  ],
])

const OBJECTS = workerCases('object', [
  [
    '600',
    'a namespace refuses calls without what they need',
    async ({ env }) => {
      await refusesMissing('DurableObjectNamespace', env.COUNTER, [
        ['idFromName', [], 1],
        ['idFromString', [], 1],
        ['getByName', [], 1],
        ['get', [], 1],
        ['get', [undefined], 1],
        ['get', ['x'], 1],
      ])
    },
  ],
  [
    '601',
    'a namespace and a stub have the names of their interfaces, and no other properties of their own',
    ({ env }) => {
      const stub = env.COUNTER.getByName('x')
      equal(named(env.COUNTER), interfaceOf('DurableObjectNamespace'))
      equal(named(stub), interfaceOf('DurableObject'))
      equal([Object.keys(env.COUNTER), Object.keys(stub).toSorted()], [[], ['id', 'name']])
    },
  ],
])

const FETCH = workerCases('handler', [
  [
    '620',
    'the methods of a Request are in upper case',
    () => {
      for (const method of ['patch', 'Post', 'propfind', 'query', 'PURGE'])
        equal(new Request('http://x/', { method }).method, method.toUpperCase())
      equal(new Request(new Request('http://x/'), { method: 'patch' }).method, 'PATCH')
      class Own extends Request {}
      equal(new Own('http://x/', { method: 'patch' }).method, 'PATCH')
    },
  ],
  [
    '621',
    'a Request keeps the user name and password of its URL',
    () => {
      const request = new Request('http://user:pw@x/y')
      equal(request.url, 'http://user:pw@x/y')
      equal(new Request(new URL('http://user@x/y')).url, 'http://user@x/y')
      equal([new Request(request).url, request.clone().url], ['http://user:pw@x/y', 'http://user:pw@x/y'])
      equal(new Request('http://x/a@b').url, 'http://x/a@b')
    },
  ],
  [
    '622',
    'header values are text, whatever its characters',
    () => {
      const text = '日本 é Zoë'
      const headers = new Headers({ a: text })
      equal(headers.get('a'), text)
      headers.append('a', 'ü')
      headers.set('b', '☃')
      equal(
        [...headers],
        [
          ['a', `${text}, ü`],
          ['b', '☃'],
        ],
      )
      equal([...headers.values()], [`${text}, ü`, '☃'])
      const seen: string[] = []
      headers.forEach((value) => seen.push(value))
      equal(seen, [`${text}, ü`, '☃'])
      equal(new Headers([['set-cookie', `a=${text}`]]).getSetCookie(), [`a=${text}`])
      equal(headersOf(new Map([['a', text]])).get('a'), text)
      equal(new Headers(headers).get('b'), '☃')
      equal(new Headers([...headers]).get('b'), '☃')
      equal(new Request('http://x/', { headers: { a: text } }).headers.get('a'), text)
      equal(new Response('', { headers: { a: text } }).headers.get('a'), text)
      equal(Response.json({}, { headers: { a: text } }).headers.get('a'), text)
      equal(new Headers({ a: 'Ã©' }).get('a'), 'Ã©')
    },
  ],
  [
    '623',
    'a line break in a header value is refused as before, and so are pairs that are none',
    async () => {
      for (const work of [
        () => new Headers({ a: '日\nb' }),
        () => new Headers({ a: 'x' }).set('a', '日\rb'),
        () => headersOf([['a', '日', 'c']]),
        () => headersOf([['日']]),
      ])
        equal((await thrown(work)).name, 'TypeError')
    },
  ],
  [
    '624',
    'text in header values comes through a service of the Worker itself, and over the network',
    async ({ env, request }) => {
      const headers = { 'x-name': '日é' }
      for (const response of [
        await env.SELF.fetch('http://x/answer-header', { headers }),
        await fetch(new URL('/answer-header', request.url), { headers }),
      ]) {
        equal(response.headers.get('x-name'), '日é')
        equal(await response.text(), '日é')
      }
    },
  ],
  [
    '625',
    'a Response keeps its cf, as its clones do',
    () => {
      const response = new Response('x', { cf: { a: 1 } } as ResponseInit)
      equal(
        [cf(response), cf(response.clone()), cf(new Response('y', response))],
        [{ a: 1 }, { a: 1 }, { a: 1 }],
      )
    },
  ],
  [
    '626',
    'Response.json of undefined is that word',
    async () => {
      const response = Response.json(undefined)
      equal([response.headers.get('content-type'), await response.text()], ['application/json', 'undefined'])
    },
  ],
  [
    '627',
    'crypto.subtle has the digest MD5, beside the web’s',
    async () => {
      const hex = async (name: string | { name: string }, text: string): Promise<string> =>
        [...new Uint8Array(await crypto.subtle.digest(name, new TextEncoder().encode(text)))]
          .map((byte) => byte.toString(16).padStart(2, '0'))
          .join('')
      equal(await hex('MD5', 'hello'), '5d41402abc4b2a76b9719d911017c592')
      equal(await hex({ name: 'md5' }, ''), 'd41d8cd98f00b204e9800998ecf8427e')
      equal(await hex('SHA-1', 'hello'), 'aaf4c61ddcc5e8a2dabede0f3b482cd9aea9434d')
      equal((await thrown(() => hex('MD4', 'x'))).name, 'NotSupportedError')
    },
  ],
  [
    '628',
    'text is compressed as its bytes in UTF-8',
    async () => {
      const compressor = new CompressionStream('gzip')
      const writer = (compressor.writable as WritableStream<unknown>).getWriter()
      void writer.write('hello 日')
      void writer.close()
      const text = new Response(compressor.readable.pipeThrough(new DecompressionStream('gzip'))).text()
      equal(await text, 'hello 日')
    },
  ],
])

/** Headers of what TypeScript does not take as such. */
function headersOf(init: unknown): Headers {
  return new Headers(init as HeadersInit)
}

function cf(response: Response): unknown {
  return (response as { cf?: unknown }).cf ?? fail('it has no cf')
}

/** What Workers see of workerd's interfaces: names, required arguments, and constructors. */
export const INTERFACES: WorkerCase[] = [...ARGUMENTS, ...NAMES, ...OBJECTS, ...FETCH]
