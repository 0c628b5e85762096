import { Buffer } from 'node:buffer'
import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { eventually, ok } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { CRON_TIMES } from './crons.ts'
import { equal, throwsText } from './tools.ts'

export const HANDLER: WorkerCase[] = workerCases('handler', [
  ['01', 'variables of text', ({ env }) => equal(env.GREETING, 'hello')],
  ['02', 'variables of JSON', ({ env }) => equal(env.SETTINGS, { nested: { list: [1, 2] }, on: true })],
  ['03', 'a secret is a text', ({ env }) => equal(env.TOKEN, 'the secret token')],
  [
    '04',
    'env of cloudflare:workers is the same',
    async ({ env, key, workers: { env: moduleEnv } }) => {
      equal([moduleEnv['GREETING'], moduleEnv['TOKEN']], [env.GREETING, env.TOKEN])
      await (moduleEnv['KV'] as typeof env.KV).put(key(), 'a')
      equal(await env.KV.get(key()), 'a')
    },
  ],
  [
    '05',
    'env is there in the global scope',
    ({ workers }) =>
      equal(workers.atTop, {
        greeting: 'hello',
        settings: { nested: { list: [1, 2] }, on: true },
        hasKv: 'object',
      }),
  ],
  [
    '06',
    'the names of env can be listed',
    ({ env }) => {
      for (const name of ['KV', 'BUCKET', 'DB', 'JOBS', 'GREETING', 'TOKEN'])
        ok(Object.keys(env).includes(name) && name in env, name)
    },
  ],
  [
    '07',
    'request: method, headers, body',
    async ({ request }) => {
      equal(
        [request.method, request.headers.get('x-case'), request.headers.get('content-type')],
        ['POST', 'a header', 'application/json'],
      )
      ok(request instanceof Request && new URL(request.url).pathname === '/run', 'a Request')
    },
  ],
  [
    '08',
    'request.cf can be read',
    ({ request }) => {
      const { cf } = request as Request & { cf?: Record<string, unknown> }
      ok(cf === undefined || typeof cf === 'object', 'an object')
    },
  ],
  ['09', 'navigator.userAgent', () => equal(navigator.userAgent, 'Cloudflare-Workers')],
  [
    '10',
    'ctx.waitUntil: the work is done',
    async ({ env, ctx, key }) => {
      ctx.waitUntil(
        (async () => {
          await new Promise((resolve) => {
            setTimeout(resolve, 50)
          })
          await env.KV.put(key(), 'done')
        })(),
      )
      await eventually(async () => equal(await env.KV.get(key()), 'done'))
    },
  ],
  [
    '11',
    'waitUntil of cloudflare:workers',
    async ({ env, key, workers }) => {
      workers.waitUntil(env.KV.put(key(), 'done'))
      await eventually(async () => equal(await env.KV.get(key()), 'done'))
    },
  ],
  ['12', 'ctx.passThroughOnException can be called', ({ ctx }) => ctx.passThroughOnException()],
  [
    '13',
    'the scheduled handler gets expression and time',
    async ({ env }) => {
      const { cron, time } = CRON_TIMES[0]
      equal(await env.KV.get(`cron:${time}`, 'json'), { cron, hasNoRetry: 'function' })
    },
  ],
  [
    '14',
    'each cron trigger comes with its own expression, as it is written',
    async ({ env }) => {
      const { cron, time } = CRON_TIMES[1]
      equal((await env.KV.get<{ cron: string }>(`cron:${time}`, 'json'))?.cron, cron)
    },
  ],
  ['15', 'a .txt file is imported as text', ({ modules }) => equal(modules?.text, 'a text module\n')],
  [
    '16',
    'a .bin file is imported as an ArrayBuffer',
    ({ modules }) => {
      ok(modules?.data instanceof ArrayBuffer, 'an ArrayBuffer')
      equal(new TextDecoder().decode(modules.data), 'data')
    },
  ],
  [
    '17',
    'assets: a file',
    async ({ env }) => {
      const response = await env.ASSETS.fetch('http://assets.local/hello.txt')
      equal(
        [
          response.status,
          await response.text(),
          response.headers.get('content-type')?.startsWith('text/plain'),
        ],
        [200, 'an asset', true],
      )
    },
  ],
  [
    '18',
    'assets: a page without its ending, and the way there',
    async ({ env }) => {
      equal(await (await env.ASSETS.fetch('http://assets.local/page')).text(), '<p>a page</p>')
      const response = await env.ASSETS.fetch('http://assets.local/page.html', { redirect: 'manual' })
      equal([response.status, response.headers.get('location')], [307, '/page'])
    },
  ],
  [
    '19',
    'assets: what is not there is a 404 without a body',
    async ({ env }) => {
      const response = await env.ASSETS.fetch('http://assets.local/nothing.txt')
      equal([response.status, await response.text()], [404, ''])
    },
  ],
  [
    '20',
    'a rate limit',
    async ({ env, key }) => {
      const minute = (): number => Math.floor(Date.now() / 60_000)
      const began = minute()
      const answers: boolean[] = []
      for (let count = 0; count < 7; count++) answers.push((await env.LIMITER.limit({ key: key() })).success)
      // The Worker's rate limiter counts per minute. If the minute changes, one of the two minutes has at
      // least four of the seven calls, so one call is refused.
      if (minute() === began) equal(answers, [true, true, true, false, false, false, false])
      else equal([answers.slice(0, 3), answers.includes(false)], [[true, true, true], true])
      equal((await env.LIMITER.limit({ key: key('other') })).success, true)
    },
  ],
  [
    '21',
    'version metadata',
    ({ env }) => {
      const { id, tag, timestamp } = env.VERSION
      ok(
        typeof id === 'string' && id !== '' && typeof tag === 'string' && typeof timestamp === 'string',
        'id, tag and timestamp',
      )
    },
  ],
  [
    '22',
    'scheduler.wait',
    async () => {
      const started = Date.now()
      await (
        globalThis as typeof globalThis & { scheduler: { wait(ms: number): Promise<void> } }
      ).scheduler.wait(30)
      ok(Date.now() - started >= 20, 'it waits')
    },
  ],
  [
    '23',
    'crypto.subtle.timingSafeEqual',
    async () => {
      const subtle = crypto.subtle as SubtleCrypto & {
        timingSafeEqual(a: Uint8Array, b: Uint8Array): boolean
      }
      const compare = (a: number[], b: number[]): boolean =>
        subtle.timingSafeEqual(new Uint8Array(a), new Uint8Array(b))
      equal([compare([1, 2], [1, 2]), compare([1, 2], [1, 3])], [true, false])
      await throwsText(/./, () => compare([1], [1, 2]), 'TypeError')
    },
  ],
  [
    '24',
    'crypto.DigestStream',
    async () => {
      const { DigestStream } = crypto as Crypto & {
        DigestStream: new (name: string) => WritableStream<Uint8Array> & { digest: Promise<ArrayBuffer> }
      }
      for (const [name, hex] of [
        ['MD5', '900150983cd24fb0d6963f7d28e17f72'],
        ['SHA-1', 'a9993e364706816aba3e25717850c26c9cd0d89d'],
      ] as const) {
        const stream = new DigestStream(name)
        const writer = stream.getWriter()
        await writer.write(new TextEncoder().encode('a'))
        await writer.write(new TextEncoder().encode('bc'))
        await writer.close()
        equal(
          [...new Uint8Array(await stream.digest)].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
          hex,
          name,
        )
      }
    },
  ],
  [
    '25',
    'FixedLengthStream refuses too many bytes',
    async () => {
      const { FixedLengthStream } = globalThis as typeof globalThis & {
        FixedLengthStream: new (length: number) => TransformStream<Uint8Array, Uint8Array>
      }
      for (const text of ['abcd', 'abcdefgh']) {
        const { readable, writable } = new FixedLengthStream(3)
        const writer = writable.getWriter()
        const read = new Response(readable as ReadableStream).text().catch(() => 'failed')
        const wrote = writer
          .write(new TextEncoder().encode(text))
          .then(() => writer.close())
          .then(
            () => 'fine',
            (error: Error) => error.name,
          )
        equal(await wrote, 'TypeError', text)
        await read
      }
    },
  ],
  [
    '26',
    'node:buffer, node:events and node:util',
    () => {
      equal(Buffer.from('hello').toString('base64'), 'aGVsbG8=')
      const emitter = new EventEmitter()
      let got = 0
      emitter.on('a', (value: number) => (got = value))
      emitter.emit('a', 7)
      equal([got, inspect({ a: 1 })], [7, '{ a: 1 }'])
    },
  ],
  [
    '27',
    'structuredClone, URLPattern and compression streams',
    async () => {
      equal(structuredClone(new Map([['a', new Date(0)]])), new Map([['a', new Date(0)]]))
      const { URLPattern } = globalThis as unknown as {
        URLPattern: new (init: { pathname: string }) => {
          exec(url: string): { pathname: { groups: Record<string, string> } } | null
        }
      }
      equal(
        { ...new URLPattern({ pathname: '/users/:id' }).exec('http://x/users/7')?.pathname.groups },
        { id: '7' },
      )
      const packed = new Response('hello '.repeat(100)).body
        ?.pipeThrough(new CompressionStream('gzip'))
        .pipeThrough(new DecompressionStream('gzip'))
      equal((await new Response(packed).text()).length, 600)
    },
  ],
])
