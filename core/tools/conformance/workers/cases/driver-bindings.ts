import type { AnalyticsEngineDataPoint } from '@cloudflare/workers-types'
import { ok } from '../../assert.ts'
import { type WorkerCase, type WorkerTools, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

const CLIENT = 'cf-connecting-ip'

/** Calls the Worker's rate limiter with options that its type does not allow. */
function limit({ env }: WorkerTools, options: unknown): Promise<{ success: boolean }> {
  return env.LIMITER.limit(options as { key: string })
}

/** Cases about a Worker's bindings that run on drivers of the config, and about the client address header. */
export const DRIVER_BINDINGS: WorkerCase[] = workerCases('handler', [
  [
    '401',
    'cf-connecting-ip is the address of the client',
    ({ request }) => {
      const address = request.headers.get(CLIENT) ?? ''
      ok(/^(?:\d+\.\d+\.\d+\.\d+|[\da-f:]*:[\da-f:]*)$/i.test(address), `an address: "${address}"`)
      equal(request.headers.has(CLIENT), true)
      equal([...request.headers].filter(([name]) => name === CLIENT).length, 1)
    },
  ],
  [
    '402',
    'copies of a request keep cf-connecting-ip',
    ({ request }) => {
      const address = request.headers.get(CLIENT)
      equal(new Request(request.url, { headers: request.headers }).headers.get(CLIENT), address)
      equal(
        new Request(request.url, request.bodyUsed ? { headers: request.headers } : request).headers.get(
          CLIENT,
        ),
        address,
      )
      equal(new Headers(request.headers).get(CLIENT), address)
    },
  ],
  [
    '403',
    'a rate limit takes a limit of the call',
    async (tools) => {
      const key = tools.key()
      equal((await limit(tools, { key, limit: 1, period: 60, delta: 2 })).success, true)
      equal((await limit(tools, { key, limit: 1, period: 60 })).success, false)
      equal((await limit(tools, { key, limit: 3 })).success, true)
    },
  ],
  [
    '404',
    'periods of a rate limit count apart',
    async (tools) => {
      const key = tools.key()
      equal((await limit(tools, { key, limit: 1, period: 60 })).success, true)
      equal((await limit(tools, { key, limit: 1, period: 10 })).success, true)
    },
  ],
  [
    '405',
    'the delta of a rate limit is made a whole number',
    async (tools) => {
      const key = tools.key()
      equal((await limit(tools, { key, delta: '3.9' })).success, true)
      equal((await limit(tools, { key })).success, false)
    },
  ],
  ...(
    [
      ['406', undefined, 'invalid rate limit options'],
      ['407', { key: 5 }, 'invalid key: 5'],
      ['408', { key: 'k', more: 1 }, 'bad rate limit options: [more]'],
      ['409', { key: 'k', period: 30 }, 'unsupported period: 30'],
      ['410', { key: 'k', limit: '3' }, 'limit must be a number: 3'],
      ['411', { key: 'k', delta: 0 }, 'delta must be non-zero'],
      ['412', { key: 'k', delta: -1 }, 'is negative'],
      ['413', { key: 'k', delta: 2 ** 32 }, 'Must be less than or equal to 4294967295'],
    ] as const
  ).map(
    ([number, options, message]) =>
      [
        number,
        `limit(${JSON.stringify(options)}) is refused`,
        (tools: WorkerTools) => throwsText(message, () => limit(tools, options)),
      ] as const,
  ),
  [
    '414',
    'a rate limit without a key has the empty one',
    async (tools) => equal(typeof (await limit(tools, { period: 10 })).success, 'boolean'),
  ],
  [
    '415',
    'a data point is written without an answer',
    ({ env }) => {
      const point = { indexes: ['a'], blobs: ['b', null, new Uint8Array([99]).buffer], doubles: [1, 2.5] }
      equal(env.POINTS.writeDataPoint(point), undefined)
      equal(env.POINTS.writeDataPoint(), undefined)
      equal(env.POINTS.writeDataPoint({}), undefined)
    },
  ],
  ...(
    [
      ['416', 'over 20 blobs', { blobs: Array<string>(21).fill('b') }],
      ['417', 'over 20 doubles', { doubles: Array<number>(21).fill(1) }],
      ['418', 'over one index', { indexes: ['a', 'b'] }],
      ['419', 'with an index of over 96 bytes', { indexes: ['ü'.repeat(49)] }],
      ['420', 'with blobs of over 16 KB', { blobs: ['x'.repeat(16 * 1024 + 1)] }],
      ['421', 'with a double that is no number', { doubles: [Number.NaN, Infinity] }],
    ] satisfies [string, string, AnalyticsEngineDataPoint][]
  ).map(
    ([number, what, point]) =>
      [
        number,
        `a data point ${what} is no error`,
        ({ env }: WorkerTools) => equal(env.POINTS.writeDataPoint(point), undefined),
      ] as const,
  ),
])
