import { ok } from '../../assert.ts'
import { type WorkerCase, workerCases } from '../case.ts'
import { equal, throwsText } from './tools.ts'

const now = (): number => Math.floor(Date.now() / 1000)

export const KV_COERCION: WorkerCase[] = workerCases('kv', [
  [
    '60',
    'keys that are numbers, URLs and booleans are texts',
    async ({ env, key }) => {
      const number = Number(`1${Date.now()}`)
      const url = new URL(`http://x/${key()}`)
      for (const odd of [number, url] as never[]) {
        await env.KV.put(odd, 'value')
        equal(
          [await env.KV.get(odd), await env.KV.get(String(odd)), (await env.KV.getWithMetadata(odd)).value],
          ['value', 'value', 'value'],
        )
        await env.KV.delete(odd)
        equal(await env.KV.get(String(odd)), null)
      }
      equal(await env.KV.get(false as never), null)
      await throwsText('Cannot convert a Symbol', () => env.KV.get(Symbol('a') as never), 'TypeError')
    },
  ],
  [
    '61',
    'a time to live is the whole seconds of what is given',
    async ({ env, key }) => {
      for (const [index, ttl] of [60.9, '60', '60.9'].entries()) {
        const name = key(`ttl${index}`)
        const before = now()
        await env.KV.put(name, 'x', { expirationTtl: ttl as never })
        const [found] = (await env.KV.list({ prefix: name })).keys
        ok(
          found?.expiration !== undefined &&
            found.expiration >= before + 60 &&
            found.expiration <= now() + 61,
          `${String(ttl)} gives ${found?.expiration}`,
        )
      }
      for (const [ttl, message] of [
        [59.9, 'Invalid expiration_ttl of 59. Expiration TTL must be at least 60.'],
        ['junk', 'Invalid expiration_ttl of 0. Please specify integer greater than 0.'],
        [null, 'Invalid expiration_ttl of 0. Please specify integer greater than 0.'],
        [-1, 'Invalid expiration_ttl of -1. Please specify integer greater than 0.'],
      ] as const)
        await throwsText(message, () => env.KV.put(key(), 'x', { expirationTtl: ttl as never }))
      await throwsText(
        'Value out of range',
        () => env.KV.put(key(), 'x', { expirationTtl: 2 ** 32 }),
        'TypeError',
      )
    },
  ],
  [
    '62',
    'an expiration is the whole seconds of what is given',
    async ({ env, key }) => {
      const due = now() + 120
      for (const [index, expiration] of [due + 0.7, String(due), `${due}.5`].entries()) {
        const name = key(`at${index}`)
        await env.KV.put(name, 'x', { expiration: expiration as never })
        equal((await env.KV.list({ prefix: name })).keys, [{ name, expiration: due }])
      }
      await throwsText('Invalid expiration of 5.', () =>
        env.KV.put(key(), 'x', { expiration: '5.5' as never }),
      )
      // A KV expiration in milliseconds is a common mistake.
      await throwsText(
        'Value out of range',
        () => env.KV.put(key(), 'x', { expiration: Date.now() + 100_000 }),
        'TypeError',
      )
    },
  ],
  [
    '63',
    'limits and prefixes of lists are what they are given as',
    async ({ env }) => {
      const number = Number(`2${Date.now()}`)
      for (const suffix of ['a', 'b', 'c']) await env.KV.put(`${number}${suffix}`, 'x')
      const count = async (limit: unknown): Promise<number> =>
        (await env.KV.list({ prefix: number as never, limit: limit as never })).keys.length
      equal(
        [await count('1'), await count(2.9), await count('junk'), await count(null), await count(0.5)],
        [1, 2, 3, 3, 3],
      )
    },
  ],
  [
    '64',
    'options that are null are none, and a cacheTtl may be a text',
    async ({ env, key }) => {
      await env.KV.put(key(), 'x', null as never)
      equal(await env.KV.get(key(), null as never), 'x')
      ok((await env.KV.list(null as never)).keys.length > 0, 'a list')
      equal(await env.KV.get(key(), { cacheTtl: '60.5' as never }), 'x')
      await throwsText('Invalid cache_ttl of 0.', () => env.KV.get(key(), { cacheTtl: 'x' as never }))
      await throwsText('Unknown response type', () => env.KV.get(key(), { type: null as never }), 'TypeError')
    },
  ],
])
