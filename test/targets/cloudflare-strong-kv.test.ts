import { randomUUID } from 'node:crypto'
import { afterAll, describe, expect, it } from 'vitest'
import { createWranglerConfig, type WranglerConfig } from '../../adapters/cloudflare/build/wrangler.ts'
import type { DriverSpec } from '../../core/adapter.ts'
import { kv } from '../../core/bindings/declarations.ts'
import { strongKv, type StrongKvOptions } from '../../adapters/cloudflare/runtime/drivers.ts'
import type { NativeNamespace } from '../../adapters/cloudflare/runtime/strong-kv.ts'
import type { StrongKvDriver } from '../../core/bindings/drivers.ts'
import type { Manifest } from '../../core/manifest.ts'
import { kvCases } from '../../core/tools/conformance/drivers/kv.ts'
import { strongKvCases } from '../../core/tools/conformance/drivers/strong-kv.ts'
import { errorFromJSON, type SerializedError } from '../../core/errors.ts'
import { decodeValue, encodeValue } from '../../core/runtime/rpc.ts'
import { driverContext, failure, type Harness, pattern } from '../drivers/contracts/harness.ts'
import { runCases } from '../drivers/contracts/run.ts'
import type { StrongKvCall } from './strong-kv-worker.ts'
import { casesInWorker, type CaseAnswer } from './worker-cases.ts'
import { bundleWorker, post, startModule } from './workerd.ts'

const mf = startModule(await bundleWorker('strong-kv-worker.ts'), {
  env: { KV: { type: 'durable-object', worker: 'test', exportName: 'UnmoorStrongKv' } },
  exports: { UnmoorStrongKv: { type: 'durable-object', storage: 'sqlite' } },
})
afterAll(() => mf.dispose())

const METHODS = ['get', 'getMany', 'getWithVersion', 'put', 'putIf', 'delete', 'deleteIf', 'list'] as const

/** Drivers in workerd; objects of its own per harness and app, as each deployment has. */
function durableHarness(options: StrongKvOptions = {}): Harness<StrongKvDriver> {
  const id = randomUUID()
  return {
    async open(settings = {}) {
      const context = driverContext(settings)
      const { app, binding } = context
      const call = async (method: string, args: unknown[]): Promise<unknown> => {
        const request: StrongKvCall = {
          deployment: `${id}/${app}`,
          binding,
          options,
          now: context.now(),
          method,
          args: await encodeValue(args),
        }
        const answer = (await post(mf, JSON.stringify(request))) as {
          value?: unknown
          error?: SerializedError
        }
        if (answer.error !== undefined) throw errorFromJSON(answer.error)
        return decodeValue(answer.value)
      }
      return Object.fromEntries(
        METHODS.map((method) => [method, (...args: unknown[]) => call(method, args)]),
      ) as unknown as StrongKvDriver
    },
    dispose: async () => {},
  }
}

const send = async (id: string): Promise<CaseAnswer> =>
  (await post(mf, JSON.stringify({ case: id }))) as CaseAnswer
/** The harness is the Worker's. */
const inWorker = (): never => {
  throw new Error('the cases run in the Worker')
}
runCases('kv driver Durable Objects', casesInWorker(kvCases(inWorker), send))
runCases('strong kv driver Durable Objects', casesInWorker(strongKvCases(inWorker), send))

describe('strong kv on Durable Objects', () => {
  it.each([1, 4, 32])('lists the keys of %i objects in one order', async (shards) => {
    const store = await durableHarness({ shards }).open()
    const keys = Array.from({ length: 60 }, (_, index) => `k${String(index).padStart(2, '0')}`)
    await Promise.all(keys.map((key) => store.put(key, key, {})))
    const seen: string[] = []
    let cursor: string | undefined
    do {
      const page = await store.list({ prefix: 'k', cursor, limit: 7 })
      seen.push(...page.keys.map(({ name }) => name))
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(seen).toEqual(keys)
    expect(await store.getMany?.([...keys, 'none'], 'text')).toEqual(
      new Map(keys.map((key) => [key, { value: key, metadata: undefined, expiration: undefined }])),
    )
  })

  it('values around the size of a part, and from parts to none', async () => {
    const store = await durableHarness().open()
    for (const size of [999_999, 1_000_000, 1_000_001, 2_000_000, 5, 2_500_000, 0]) {
      await store.put('a', pattern(size, size), {})
      expect(
        Buffer.compare((await store.get('a', 'bytes'))?.value as Uint8Array, pattern(size, size)),
        String(size),
      ).toBe(0)
    }
    const text = '\u00e9'.repeat(600_000)
    await store.put('a', text, {})
    expect((await store.get('a', 'text'))?.value === text).toBe(true)
  })

  it('errors of the platform keep what they say about trying again', async () => {
    const failing = (error: Error): StrongKvDriver => {
      const fail = async (): Promise<never> => {
        throw error
      }
      const native: NativeNamespace = { idFromName: () => 0, get: () => ({ get: fail, put: fail }) as never }
      return strongKv({}, { ...driverContext({}), native }) as StrongKvDriver
    }
    const lost = failing(Object.assign(new Error('Network connection lost.'), { retryable: true }))
    expect((await failure(lost.put('a', '1', {}), 'Unavailable')).mayHaveApplied).toBe(true)
    expect((await failure(lost.get('a', 'text'), 'Unavailable')).mayHaveApplied).toBe(false)
    const busy = failing(
      Object.assign(new Error('Durable Object is overloaded.'), { retryable: true, overloaded: true }),
    )
    expect((await failure(busy.put('a', '1', {}), 'Throttled')).mayHaveApplied).toBe(false)
    let calls = 0
    const shaky: NativeNamespace = {
      idFromName: () => 0,
      get: () =>
        ({
          get: () =>
            ++calls < 3
              ? Promise.reject(Object.assign(new Error('reset'), { retryable: true }))
              : Promise.resolve([null]),
        }) as never,
    }
    const shaken = await strongKv({}, { ...driverContext({}), native: shaky })
    expect(await shaken.get('a', 'text')).toBeNull()
  })

  it('refuses shards that are none, and a Worker without the binding', () => {
    const context = driverContext({})
    expect(() => strongKv({ shards: 0 }, { ...context, native: {} })).toThrow('from 1 to 32')
    expect(() => strongKv({}, context)).toThrow('Durable Object namespace bound as THINGS')
  })

  it('wrangler.jsonc has the objects and their migration only where an app has a strong kv here', () => {
    const manifest: Manifest = {
      version: 1,
      name: 'shop',
      fetch: true,
      bindings: {
        plain: kv(),
        counters: kv({ consistency: 'strong' }),
        locks: kv({ consistency: 'strong' }),
      },
      queues: [],
      crons: {},
    }
    const own = { driver: 'cloudflare' }
    const config = (drivers: Record<string, DriverSpec>, options = {}): WranglerConfig =>
      createWranglerConfig({ manifest, drivers, migrated: [], options, nodeFlags: [] })
    expect(config({ plain: own, counters: own, locks: own })).toMatchObject({
      kv_namespaces: [{ binding: 'PLAIN' }],
      durable_objects: {
        bindings: [
          { name: 'COUNTERS', class_name: 'UnmoorStrongKv' },
          { name: 'LOCKS', class_name: 'UnmoorStrongKv' },
        ],
      },
      migrations: [{ tag: 'unmoor-strong-kv', new_sqlite_classes: ['UnmoorStrongKv'] }],
    })
    const elsewhere = config({ plain: own, counters: { driver: 'memory' }, locks: { driver: 'memory' } })
    expect(elsewhere.durable_objects).toBeUndefined()
    expect(elsewhere.migrations).toBeUndefined()
    expect(() => config({ counters: own }, { kv: { counters: { id: '1' } } })).toThrow(
      'Remove targets.cloudflare.options.kv.counters',
    )
  })
})
