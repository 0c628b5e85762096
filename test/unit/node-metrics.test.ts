import { expect, it, vi } from 'vitest'
import { EventMetrics } from '../../adapters/node-server/runtime/admin/event-metrics.ts'
import { measure, OPERATIONS } from '../../adapters/node-server/runtime/admin/operation-metrics.ts'
import { Registry } from '../../adapters/node-server/runtime/admin/prom-client.ts'
import { addQueueDepth } from '../../adapters/node-server/runtime/admin/queue-depth.ts'
import { queue as openQueue } from '../../adapters/drivers/memory/index.ts'
import { defineApp } from '../../core/app.ts'
import { BlobStore } from '../../core/bindings/blob.ts'
import { Cache } from '../../core/bindings/cache.ts'
import { Counter } from '../../core/bindings/counter.ts'
import { defineBindings, queue } from '../../core/bindings/declarations.ts'
import { portableQueue } from '../../core/bindings/portable.ts'
import { Kv } from '../../core/bindings/kv.ts'
import { Queue } from '../../core/bindings/queue.ts'
import { Secret } from '../../core/bindings/secret.ts'
import { Service } from '../../core/bindings/service.ts'
import { SqlSession } from '../../core/bindings/sql-session.ts'
import { Sql } from '../../core/bindings/sql.ts'
import { StrongKv } from '../../core/bindings/strong-kv.ts'
import { createContext } from '../../core/context.ts'
import { createRuntime } from '../../core/runtime/runtime.ts'

/** Reads a page of metrics into a map of values by series. */
async function read(registry: Registry): Promise<Map<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]))
}

it.each([
  ['kv', [Kv, StrongKv], []],
  ['blob', [BlobStore], []],
  // `begin` is measured as the statements of its transaction; `each` as `openRows`, which it calls.
  ['sql', [SqlSession, Sql], ['begin', 'each', 'cursor', 'execute', 'where']],
  ['queue', [Queue], []],
  ['cache', [Cache], []],
  ['secret', [Secret], ['toString', 'toJSON']],
  ['service', [Service], []],
  ['counter', [Counter], []],
] as const)('every method of the portable class of %s is measured', (kind, classes, others) => {
  const methods = classes.flatMap(({ prototype }) => Object.getOwnPropertyNames(prototype))
  const measured = Object.keys(OPERATIONS[kind])
  expect(new Set([...measured, ...others, 'constructor'])).toEqual(new Set([...methods, 'constructor']))
})

it('a measured call keeps its result, its error, its object and its reports of unhandled failures', async () => {
  class Store {
    #value = 'kept'
    async get(suffix: string): Promise<string> {
      return this.#value + suffix
    }
    async put(): Promise<void> {
      throw new TypeError('refused')
    }
  }
  const store = new Store()
  const seen: unknown[] = []
  measure(store, { get: 'get', put: 'put', absent: 'absent' }, (...[operation, seconds, thrown]) =>
    seen.push([operation, seconds >= 0, thrown]),
  )
  expect(await store.get('!')).toBe('kept!')
  await expect(store.put()).rejects.toThrow('refused')
  expect(seen).toEqual([
    ['get', true, undefined],
    ['put', true, [new TypeError('refused')]],
  ])
  expect(Object.keys(store)).toEqual([])
  const unhandled = new Promise((resolve) => process.prependOnceListener('unhandledRejection', resolve))
  const others = process.listeners('unhandledRejection').slice(1)
  for (const listener of others) process.off('unhandledRejection', listener)
  void store.put()
  expect(await unhandled).toEqual(new TypeError('refused'))
  for (const listener of others) process.on('unhandledRejection', listener)
})

it('a cron is counted with its start, duration, lateness and failures', async () => {
  const at = Date.UTC(2026, 0, 1)
  const runtime = await createRuntime({
    name: 'app',
    app: defineApp({
      crons: {
        fine: { schedule: '0 3 * * *', run() {} },
        throws: {
          schedule: '0 3 * * *',
          run(event) {
            event.noRetry()
            throw new Error('of the app')
          },
        },
      },
    }),
    drivers: {},
    variable: () => undefined,
    onError() {},
  })
  const registry = new Registry()
  const watched = new EventMetrics(registry).watch(runtime)
  expect((await read(registry)).get('unmoor_cron_failures_total{cron="throws"}')).toBe(0)
  const before = Date.now() / 1000
  expect(await watched.cron('fine', at, createContext())).toEqual({ retry: false })
  expect(await watched.cron('throws', at, createContext())).toMatchObject({ retry: false })
  const page = await read(registry)
  for (const cron of ['fine', 'throws']) {
    expect(page.get(`unmoor_cron_runs_total{cron="${cron}"}`)).toBe(1)
    const begun = page.get(`unmoor_cron_last_run_timestamp_seconds{cron="${cron}"}`) as number
    expect(begun).toBeGreaterThanOrEqual(before)
    expect(page.get(`unmoor_cron_last_lateness_seconds{cron="${cron}"}`)).toBeCloseTo(begun - at / 1000, 3)
    expect(page.get(`unmoor_cron_last_duration_seconds{cron="${cron}"}`)).toBeGreaterThanOrEqual(0)
  }
  expect(page.get('unmoor_cron_failures_total{cron="throws"}')).toBe(1)
  expect(page.get('unmoor_cron_failures_total{cron="fine"}')).toBe(0)
  expect(page.has('unmoor_cron_last_success_timestamp_seconds{cron="throws"}')).toBe(false)
  expect(page.get('unmoor_cron_last_success_timestamp_seconds{cron="fine"}')).toBeGreaterThanOrEqual(before)
})

it('the age of the first message of a queue is 0 without one, and grows while one waits', async () => {
  let now = 1_000_000
  const runtime = await createRuntime({
    name: 'aging',
    app: defineApp({ bindings: defineBindings({ jobs: queue(), other: queue() }) }),
    drivers: Object.fromEntries(
      ['jobs', 'other'].map((name) => [
        name,
        { create: openQueue, options: { driver: 'memory' }, portable: portableQueue },
      ]),
    ),
    variable: () => undefined,
    now: () => now,
  })
  // A driver that tells no age has no series.
  Object.assign(runtime.queueDriver('other'), { age: undefined })
  const registry = new Registry()
  addQueueDepth(registry, runtime)
  const ages = async (): Promise<(number | undefined)[]> => {
    const page = await read(registry)
    return ['jobs', 'other'].map((name) =>
      page.get(`unmoor_queue_oldest_message_age_seconds{queue="${name}"}`),
    )
  }
  expect(await ages()).toEqual([0, undefined])
  await (runtime.env['jobs'] as Queue).send('a', { delaySeconds: 30 })
  expect(await ages()).toEqual([0, undefined])
  now += 42_500
  await (runtime.env['jobs'] as Queue).send('b')
  expect(await ages()).toEqual([12.5, undefined])
  await runtime.close()
})

it('a queue whose backend does not answer has no depth, and does not hold up the other metrics', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  try {
    const runtime = await createRuntime({
      name: 'app',
      app: defineApp({ bindings: defineBindings({ hangs: queue(), fails: queue(), works: queue() }) }),
      drivers: Object.fromEntries(
        ['hangs', 'fails', 'works'].map((name) => [
          name,
          { create: openQueue, options: { driver: 'memory' }, portable: portableQueue },
        ]),
      ),
      variable: () => undefined,
    })
    let hanging = 0
    Object.assign(runtime.queueDriver('hangs'), { depth: () => new Promise(() => hanging++) })
    Object.assign(runtime.queueDriver('fails'), { depth: () => Promise.reject(new Error('away')) })
    const registry = new Registry()
    addQueueDepth(registry, runtime)
    for (const failures of [1, 2]) {
      const reading = read(registry)
      await vi.advanceTimersByTimeAsync(10_000)
      const page = await reading
      expect([...page.keys()].filter((series) => series.startsWith('unmoor_queue_messages{'))).toEqual([
        'unmoor_queue_messages{queue="works",state="ready"}',
        'unmoor_queue_messages{queue="works",state="delayed"}',
        'unmoor_queue_messages{queue="works",state="leased"}',
      ])
      expect(
        [...page.keys()].filter((series) => series.startsWith('unmoor_queue_oldest_message_age_seconds')),
      ).toEqual(['unmoor_queue_oldest_message_age_seconds{queue="works"}'])
      for (const queue of ['hangs', 'fails'])
        expect(page.get(`unmoor_queue_depth_failures_total{queue="${queue}"}`)).toBe(failures)
      expect(page.get('unmoor_queue_depth_failures_total{queue="works"}')).toBe(0)
    }
    // A call that is still under way is not repeated.
    expect(hanging).toBe(1)
  } finally {
    vi.useRealTimers()
  }
})
