import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { importUsageFile } from '../../adapters/isolate/host/admin/usage-json.ts'
import {
  addTo,
  type Hours,
  type UsageRow,
  UsageStore,
} from '../../adapters/isolate/host/admin/usage-store.ts'
import { emptyUsage, type Usage } from '../../adapters/isolate/host/usage.ts'

const HOUR = 3_600_000
let dir: string
let stores = 0
beforeAll(async () => void (dir = await mkdtemp(join(tmpdir(), 'unmoor-usage-'))))
afterAll(() => rm(dir, { recursive: true, force: true }))

const nextPath = (): string => join(dir, `usage-${++stores}.sqlite`)
const used = (more: Partial<Usage>): Usage => ({ ...emptyUsage(), ...more })
function hoursOf(...rows: [hour: number, app: string, usage: Partial<Usage>][]): Hours {
  const hours: Hours = new Map()
  for (const [hour, app, usage] of rows) addTo(hours, hour * HOUR, app, used(usage))
  return hours
}
async function all(
  store: UsageStore,
  filter: { app?: string; from?: number; to?: number } = {},
): Promise<UsageRow[]> {
  return Array.fromAsync(store.read({ from: 0, to: 1e15, ...filter }))
}

describe('usage of a host', () => {
  it('adds up per app and hour over saves and openings; the largest of held bytes stays', async () => {
    const path = nextPath()
    const first = UsageStore.open(path)
    await first.add(hoursOf([1, 'a', { requests: 2, cpuUs: 1.5, heldBytes: 9, limits: { cpuMs: 1 } }]))
    first.close()
    const second = UsageStore.open(path)
    await second.add(
      hoursOf([1, 'a', { requests: 1, heldBytes: 4, limits: { cpuMs: 2, timers: 1 } }], [2, 'a', {}]),
    )
    expect(await all(second)).toEqual([
      {
        hour: HOUR,
        app: 'a',
        usage: used({ requests: 3, cpuUs: 1.5, heldBytes: 9, limits: { cpuMs: 3, timers: 1 } }),
      },
      { hour: 2 * HOUR, app: 'a', usage: emptyUsage() },
    ])
    second.close()
  })

  it('keeps what comes while it writes, and what it could not write', async () => {
    const path = nextPath()
    const store = UsageStore.open(path)
    const hours: Hours = new Map()
    for (let app = 0; app < 1200; app++) addTo(hours, HOUR, `app-${app}`, used({ requests: 1 }))
    const saving = store.add(hours)
    addTo(hours, HOUR, 'app-0', used({ requests: 1 }))
    addTo(hours, HOUR, 'app-1199', used({ requests: 1 }))
    await saving
    await store.add(hours)
    const rows = await all(store)
    expect(rows).toHaveLength(1200)
    expect(rows.reduce((sum, { usage }) => sum + usage.requests, 0)).toBe(1202)
    store.close()
    addTo(hours, HOUR, 'app-0', used({ requests: 1 }))
    await expect(store.add(hours)).rejects.toThrow()
    expect(hours.get(HOUR)?.get('app-0')?.requests).toBe(1)
  })

  it('reads one app, or hours between two times, however many there are', async () => {
    const store = UsageStore.open(nextPath())
    const hours: Hours = new Map()
    for (let hour = 1; hour <= 3; hour++)
      for (let app = 0; app < 1100; app++) addTo(hours, hour * HOUR, `app-${app}`, used({ requests: hour }))
    await store.add(hours)
    expect((await all(store, { app: 'app-7' })).map(({ usage }) => usage.requests)).toEqual([1, 2, 3])
    const middle = await all(store, { from: 2 * HOUR - 1, to: 2 * HOUR })
    expect(new Set(middle.map(({ app }) => app)).size).toBe(1100)
    expect(middle.every(({ hour }) => hour === 2 * HOUR)).toBe(true)
    await store.prune(3 * HOUR)
    expect(new Set((await all(store)).map(({ hour }) => hour))).toEqual(new Set([3 * HOUR]))
    store.close()
  })
})

describe('usage.json of an older host', () => {
  const file = (name: string): string => join(dir, name)

  it('is taken over once, whatever its chunks, and kept aside', async () => {
    const path = file('usage.json')
    // Longer than what is read at once, with names that look like its structure.
    const odd = `od{d}"\\\u00e9,`
    const data: Record<string, Record<string, Partial<Usage>>> = {}
    for (let hour = 1; hour <= 3; hour++) {
      const apps: Record<string, Partial<Usage>> = { [odd]: { requests: hour, limits: { cpuMs: 1 } } }
      for (let app = 0; app < 6000; app++) apps[`app-${app}`] = used({ requests: hour })
      data[new Date(hour * HOUR).toISOString()] = apps
    }
    await writeFile(path, JSON.stringify(data))
    const store = UsageStore.open(nextPath())
    // A start before this one has broken off after an hour.
    store.import(
      HOUR,
      Object.entries(data[new Date(HOUR).toISOString()] ?? {}).map(([app, more]) => [app, used(more)]),
    )
    await importUsageFile(path, store)
    await importUsageFile(path, store)
    expect((await all(store, { app: odd })).map(({ usage }) => usage)).toEqual(
      [1, 2, 3].map((requests) => used({ requests, limits: { cpuMs: 1 } })),
    )
    expect(await all(store)).toHaveLength(3 * 6001)
    expect((await readdir(dir)).filter((name) => name.startsWith('usage.json'))).toEqual([
      'usage.json.imported',
    ])
    store.close()
  })

  it.each([
    ['nothing', ''],
    ['half of it', '{"1970-01-01T01:00:00.000Z":{"a":{"requests":1}}'],
    ['no object', '[1]'],
    ['no hour', '{"soon":{"a":{"requests":1}}}'],
    ['no usage', '{"1970-01-01T01:00:00.000Z":1}'],
    ['no JSON within', '{"1970-01-01T01:00:00.000Z":{"a":{requests:1}}}'],
  ])('that holds %s stays where it is, and the error names it', async (_what, text) => {
    const path = file('broken.json')
    await writeFile(path, text)
    const store = UsageStore.open(nextPath())
    await expect(importUsageFile(path, store)).rejects.toThrow(`${path} cannot be read`)
    expect(await readdir(dir)).toContain('broken.json')
    store.close()
  })
})
