import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, it } from 'vitest'
import { ExpiredRun } from '../../adapters/drivers/sqlite/expired-run.ts'
import { kv, strongKv } from '../../adapters/drivers/sqlite/index.ts'
import type { KvDriver, StrongKvDriver } from '../../core/bindings/drivers.ts'
import { PATIENCE } from '../patience.ts'
import { kvContract } from './contracts/kv.ts'
import { strongKvContract } from './contracts/strong-kv.ts'
import { folderHarness } from './folder.ts'
import { driverContext } from './contracts/harness.ts'

kvContract('sqlite', () => folderHarness((options, context) => kv(options, context)))
kvContract('sqlite strong', () => folderHarness((options, context) => strongKv(options, context)))
strongKvContract('sqlite', () => folderHarness((options, context) => strongKv(options, context)))

describe('sqlite strong kv', () => {
  it('a plain kv becomes strong with its entries; a plain writer that is still there cannot hide its writes', async () => {
    const harness = await folderHarness<StrongKvDriver>((options, context) => strongKv(options, context))
    const plain = await kv({}, driverContext({}, { dataDir: harness.dataDir }))
    await plain.put('a', 'old', { metadata: '1' })
    await plain.put('b', 'old', {})
    const strong = await harness.open()
    const first = await strong.getWithVersion('a', 'text')
    expect(first).toEqual({
      value: 'old',
      metadata: '1',
      expiration: undefined,
      version: expect.stringMatching(/./),
    })
    expect((await strong.getWithVersion('b', 'text'))?.version).not.toBe(first?.version)
    await plain.put('a', 'old', { metadata: '1' })
    expect(await strong.putIf('a', 'new', {}, first?.version as string)).toBeNull()
    await plain.delete('b')
    await plain.put('b', 'again', {})
    const second = await strong.getWithVersion('b', 'text')
    expect(second?.value).toBe('again')
    expect(await strong.putIf('b', 'mine', {}, second?.version as string)).not.toBeNull()
    expect((await plain.get('b', 'text'))?.value).toBe('mine')
    await plain.close?.()
    await harness.dispose()
  })
})

describe('sqlite lists over what has expired', () => {
  /** Keys whose entries have expired but are still there, as while the sweeper is at work. */
  async function openExpired(): Promise<{
    driver: KvDriver
    /** Another connection, as another process has. */
    other: DatabaseSync
    /** SQL that puts entries; `expiration` is an expression. */
    put: (keys: string, expiration: string) => void
    clock: { now: number }
    names: (prefix?: string, cursor?: string) => Promise<string[]>
    end: () => Promise<void>
  }> {
    const clock = { now: Date.now() }
    const harness = await folderHarness<KvDriver>((options, context) => kv(options, context))
    const driver = await harness.open({ now: () => clock.now })
    const other = new DatabaseSync(join(harness.dataDir, 'test/kv-things.sqlite'))
    return {
      driver,
      other,
      clock,
      put: (keys, expiration) =>
        other.exec(`INSERT INTO "kv:test:things" (key, value, expiration) SELECT ${keys}, 'v', ${expiration}
          FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000) SELECT i FROM n)`),
      async names(prefix = '', cursor) {
        return (await driver.list({ prefix, limit: 1000, cursor })).keys.map(({ name }) => name)
      },
      async end() {
        other.close()
        await harness.dispose()
      },
    }
  }
  const LATER = String(Math.floor(Date.now() / 1000) + 3600)

  it('a second list passes over what the first has found, and sees every put that came since', async () => {
    const { driver, other, clock, put, names, end } = await openExpired()
    put("printf('k%05d', i)", LATER)
    await driver.put('a', 'v', {})
    await driver.put('z', 'v', {})
    clock.now += 7_200_000
    expect(await names()).toEqual(['a', 'z'])
    expect(await names()).toEqual(['a', 'z'])
    await driver.put('k00500', 'v', {})
    expect(await names()).toEqual(['a', 'k00500', 'z'])
    expect(await names('k0')).toEqual(['k00500'])
    await driver.delete('k00500')
    expect(await names('k')).toEqual([])
    expect(await names()).toEqual(['a', 'z'])
    // Another process puts one.
    other.exec(`INSERT OR REPLACE INTO "kv:test:things" (key, value) VALUES ('k04000', 'v')`)
    expect(await names()).toEqual(['a', 'k04000', 'z'])
    other.exec(`DELETE FROM "kv:test:things" WHERE key = 'k04000'`)
    expect(await names('k')).toEqual([])
    await driver.put('k\u{1f600}', 'v', {})
    expect(await names('k')).toEqual(['k\u{1f600}'])
    // Between the last that has expired and the next that lives.
    await driver.put('y', 'v', {})
    expect(await names()).toEqual(['a', 'k\u{1f600}', 'y', 'z'])
    await driver.delete('y')
    await driver.put('z', 'again', {})
    expect(await names('z')).toEqual(['z'])
    // The first key of a run is not behind it.
    await driver.put('k', 'v', {})
    expect(await names('k')).toEqual(['k', 'k\u{1f600}'])
    await end()
  })

  it('a run that is remembered reaches up to the next entry that lives', () => {
    const run = new ExpiredRun()
    const at = { version: 1, seconds: 10 }
    const [begin, middle, live] = [
      { key: '', behind: false },
      { key: 'k4', behind: true },
      { key: 'z', behind: false },
    ]
    expect(run.extend(begin, live, at)).toBe(false)
    run.note(begin, middle, at)
    expect(run.extend(begin, live, at)).toBe(false)
    expect(run.extend(middle, live, at)).toBe(true)
    expect(run.pass(begin, at)).toEqual(live)
    run.wrote('z')
    expect(run.pass({ key: 'k5', behind: true }, at)).toEqual(live)
    expect(run.pass(live, at)).toEqual(live)
    run.wrote('k5')
    expect(run.pass(begin, at)).toEqual(begin)
  })

  it('a clock that is set back makes entries live again', async () => {
    const { clock, put, names, end } = await openExpired()
    put("printf('k%05d', i)", LATER)
    clock.now += 7_200_000
    expect(await names()).toEqual([])
    clock.now -= 7_200_000
    expect((await names()).length).toBe(1000)
    await end()
  })

  it('pages over live and expired entries give each live one once', async () => {
    const { driver, clock, put, end } = await openExpired()
    put("printf('k%05d', i)", `CASE WHEN i % 100 = 0 THEN NULL ELSE ${LATER} END`)
    clock.now += 7_200_000
    for (let pass = 0; pass < 3; pass++) {
      const found: string[] = []
      for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
        const page: Awaited<ReturnType<KvDriver['list']>> = await driver.list({
          prefix: 'k',
          limit: 7,
          cursor,
        })
        found.push(...page.keys.map(({ name }) => name))
        cursor = page.cursor
      }
      expect(found).toEqual(
        Array.from({ length: 90 }, (_, index) => `k${String((index + 1) * 100).padStart(5, '0')}`),
      )
    }
    await end()
  })
})

describe('sqlite strong kv that sweeps', () => {
  it('an entry that putIf wrote is removed when it has expired, and nobody reads it', async () => {
    const harness = await folderHarness<StrongKvDriver>((options, context) => strongKv(options, context))
    const driver = await harness.open()
    await driver.putIf('a', 'v', { expiration: Math.floor(Date.now() / 1000) + 1 }, null)
    using other = new DatabaseSync(join(harness.dataDir, 'test/kv-things.sqlite'))
    await expect.poll(() => other.prepare('SELECT key FROM "kv:test:things"').all(), PATIENCE).toEqual([])
    await harness.dispose()
  })
})
