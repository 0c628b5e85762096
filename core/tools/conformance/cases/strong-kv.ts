import { equal, ok, pattern, throwsCode } from '../assert.ts'
import { insideCases } from '../case.ts'
import { names } from './kv-tools.ts'

/**
 * Cases about bindings with `kv({ consistency: 'strong' })`. No case waits for a value to settle, since
 * strong reads must not need that.
 */
export const strongKvCases = insideCases('kv', [
  {
    id: 'kv-25l',
    contract: 'A strong KV is linearizable per key: every read, list and getMany sees the write before it.',
    async run({ env, key }) {
      for (let round = 0; round < 20; round++) {
        await env.strongKv.put(key('a'), String(round))
        equal(await env.strongKv.get(key('a')), String(round), 'get')
        await env.strongKv.put(key(`n${round}`), 'x', { metadata: { round } })
        equal((await names(env.strongKv, key('n'))).length, round + 1, 'list')
        equal(
          (await env.strongKv.getMany([key(`n${round}`), key('none')])).get(key(`n${round}`)),
          'x',
          'getMany',
        )
        await env.strongKv.delete(key('a'))
        equal(await env.strongKv.get(key('a')), null, 'after delete')
      }
    },
  },
  {
    id: 'kv-25a',
    contract:
      'putIf({ absent: true }) creates and gives the version; where there is an entry it is ' +
      'PreconditionFailed and changes nothing.',
    async run({ env, key }) {
      equal(await env.strongKv.getWithVersion(key()), null, 'missing')
      const { version } = await env.strongKv.putIf(key(), 'first', { absent: true }, { metadata: { n: 1 } })
      ok(typeof version === 'string' && version !== '', 'a version')
      await throwsCode('PreconditionFailed', () => env.strongKv.putIf(key(), 'second', { absent: true }))
      equal(
        await env.strongKv.getWithVersion(key()),
        { value: 'first', metadata: { n: 1 }, expiration: null, version },
        'entry',
      )
    },
  },
  {
    id: 'kv-25b',
    contract:
      'putIf({ version }) replaces value, metadata and expiration together; with a stale version it is ' +
      'PreconditionFailed and changes nothing.',
    async run({ env, key }) {
      const expiration = Math.floor(Date.now() / 1000) + 600
      const first = await env.strongKv.putIf(key(), 'first', { absent: true }, { expiration, metadata: 1 })
      const second = await env.strongKv.putIf(key(), 'second', first, { metadata: 2 })
      for (const stale of [first, { version: 'none of this store' }]) {
        await throwsCode('PreconditionFailed', () =>
          env.strongKv.putIf(key(), 'stale', stale, { expiration, metadata: 3 }),
        )
      }
      equal(
        await env.strongKv.getWithVersion(key()),
        { value: 'second', metadata: 2, expiration: null, version: second.version },
        'entry',
      )
      await throwsCode('PreconditionFailed', () => env.strongKv.putIf(key('missing'), 'x', second))
      equal(await env.strongKv.get(key('missing')), null, 'missing')
    },
  },
  {
    id: 'kv-25c',
    contract: 'No version comes back: not with the same value, by a plain put, or after a delete.',
    async run({ env, key }) {
      const versions: string[] = []
      const look = async (): Promise<void> => {
        versions.push((await env.strongKv.getWithVersion(key()))?.version ?? 'none')
      }
      for (let round = 0; round < 5; round++) {
        versions.push((await env.strongKv.putIf(key(), 'same', { absent: true })).version)
        await env.strongKv.put(key(), 'same')
        await look()
        await env.strongKv.delete(key())
        await env.strongKv.put(key(), 'same')
        await look()
        await env.strongKv.deleteIf(key(), { version: versions.at(-1) as string })
      }
      equal(new Set(versions).size, versions.length, 'different versions')
    },
  },
  {
    id: 'kv-25d',
    contract: 'Of 20 that create a key at once one does; the others are PreconditionFailed.',
    async run({ env, key }) {
      const outcomes = await Promise.allSettled(
        Array.from({ length: 20 }, (_, index) => env.strongKv.putIf(key(), String(index), { absent: true })),
      )
      const winners = outcomes.flatMap((outcome, index) =>
        outcome.status === 'fulfilled' ? [String(index)] : [],
      )
      equal(winners.length, 1, 'winners')
      for (const outcome of outcomes)
        if (outcome.status === 'rejected')
          equal((outcome.reason as { code?: string }).code, 'PreconditionFailed', 'code')
      equal(await env.strongKv.get(key()), winners[0], 'value')
    },
  },
  {
    id: 'kv-25e',
    contract: '50 increments at once by update lose none.',
    seconds: 60,
    async run({ env, key }) {
      await Promise.all(
        Array.from({ length: 50 }, () => env.strongKv.update<number>(key(), (current) => (current ?? 0) + 1)),
      )
      equal(await env.strongKv.get(key(), 'json'), 50, 'count')
    },
  },
  {
    id: 'kv-25f',
    contract:
      'update gives the new value; null stands for a missing one; undefined writes nothing; options are ' +
      'those of put.',
    async run({ env, key }) {
      const seen: unknown[] = []
      const change = (current: { n: number } | null): { n: number } => {
        seen.push(current)
        return { n: (current?.n ?? 0) + 1 }
      }
      equal(await env.strongKv.update(key(), change), { n: 1 }, 'first')
      equal(
        await env.strongKv.update(key(), async (current: { n: number } | null) => change(current), {
          metadata: 'm',
        }),
        { n: 2 },
        'second',
      )
      equal(seen, [null, { n: 1 }], 'what it was given')
      const before = await env.strongKv.getWithVersion(key(), 'json')
      equal(before?.metadata, 'm', 'metadata')
      equal(await env.strongKv.update(key(), () => undefined), { n: 2 }, 'of undefined')
      equal(await env.strongKv.getWithVersion(key(), 'json'), before, 'entry')
    },
  },
  {
    id: 'kv-25g',
    contract:
      'update passes on what its function throws and writes nothing then; others in between beyond its ' +
      'attempts are Conflict; no JSON is InvalidArgument.',
    async run({ env, key }) {
      await env.strongKv.put(key(), '1')
      const mine = new Error('mine')
      const thrown = await env.strongKv
        .update(key(), () => {
          throw mine
        })
        .catch((error: unknown) => error)
      ok(thrown === mine, 'the same error')
      let calls = 0
      const meddle = async (): Promise<number> => {
        await env.strongKv.put(key(), String(++calls))
        return -1
      }
      const error = await throwsCode('Conflict', () => env.strongKv.update(key(), meddle, { attempts: 3 }))
      ok((error as { retryable?: boolean }).retryable === true, 'retryable')
      equal(calls, 3, 'tries')
      await env.strongKv.put(key(), 'no JSON')
      await throwsCode('InvalidArgument', () => env.strongKv.update(key(), () => 1))
      equal(await env.strongKv.get(key()), 'no JSON', 'value')
    },
  },
  {
    id: 'kv-25h',
    contract: 'deleteIf removes that version only.',
    async run({ env, key }) {
      const first = await env.strongKv.putIf(key(), '1', { absent: true })
      const second = await env.strongKv.putIf(key(), '2', first)
      await throwsCode('PreconditionFailed', () => env.strongKv.deleteIf(key(), first))
      equal(await env.strongKv.get(key()), '2', 'value')
      await env.strongKv.deleteIf(key(), second)
      await throwsCode('PreconditionFailed', () => env.strongKv.deleteIf(key(), second))
      equal(await env.strongKv.getWithVersion(key()), null, 'entry')
    },
  },
  {
    id: 'kv-25i',
    contract: 'getWithVersion reads as text, JSON and bytes, also a value of 3 MB.',
    async run({ env, key }) {
      const { version } = await env.strongKv.putIf(key('json'), '{"a":[1]}', { absent: true })
      equal((await env.strongKv.getWithVersion(key('json'), 'json'))?.value, { a: [1] }, 'json')
      equal(
        await env.strongKv.getWithVersion(key('json'), 'text'),
        { value: '{"a":[1]}', metadata: null, expiration: null, version },
        'text',
      )
      const bytes = pattern(3_000_000)
      await env.strongKv.putIf(key('bytes'), bytes, { absent: true })
      equal((await env.strongKv.getWithVersion(key('bytes'), 'arrayBuffer'))?.value, bytes, 'bytes')
      await throwsCode('InvalidArgument', () => env.strongKv.getWithVersion(key('bytes'), 'json'))
    },
  },
  {
    id: 'kv-25j',
    contract:
      'Conditions that are none are InvalidArgument; keys, values, metadata and ttl have the limits of put.',
    async run({ env, key }) {
      const bad = [
        undefined,
        null,
        {},
        'x',
        { version: '' },
        { version: 5 },
        { absent: false },
        { absent: true, version: 'x' },
      ]
      for (const condition of bad)
        await throwsCode('InvalidArgument', () => env.strongKv.putIf(key(), 'x', condition as never))
      await throwsCode('InvalidArgument', () => env.strongKv.deleteIf(key(), { absent: true } as never))
      await throwsCode('InvalidArgument', () => env.strongKv.putIf('', 'x', { absent: true }))
      await throwsCode('LimitExceeded', () => env.strongKv.putIf('x'.repeat(513), 'x', { absent: true }), {
        limit: 'kv.key',
        actual: 513,
        max: 512,
      })
      await throwsCode('InvalidArgument', () => env.strongKv.putIf(key(), 'x', { absent: true }, { ttl: 59 }))
      await throwsCode('LimitExceeded', () =>
        env.strongKv.putIf(key(), 'x', { absent: true }, { metadata: 'x'.repeat(1023) }),
      )
      equal(await env.strongKv.get(key()), null, 'nothing was written')
    },
  },
  {
    id: 'kv-25k',
    contract: 'A plain KV has none of the methods of a strong one.',
    run({ env }) {
      const plain = env.kv as unknown as Record<string, unknown>
      for (const method of ['getWithVersion', 'putIf', 'deleteIf', 'update'])
        equal(plain[method], undefined, method)
    },
  },
])
