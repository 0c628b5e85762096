import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { kv, strongKv } from '../../adapters/drivers/postgres/index.ts'
import type { StrongKvDriver } from '../../core/bindings/drivers.ts'
import { PATIENCE } from '../patience.ts'
import { codeOf, driverContext, failure } from './contracts/harness.ts'
import { kvContract } from './contracts/kv.ts'
import { strongKvContract } from './contracts/strong-kv.ts'
import { admin, postgresAnswers, postgresDetour, postgresHarness, URL_OF_SERVER } from './postgres-server.ts'

const available = await postgresAnswers('postgres kv')
afterAll(() => admin.end())

describe.runIf(available)('with a server', () => {
  kvContract('postgres', async () => postgresHarness((options, context) => kv(options, context)))
  kvContract('postgres strong', async () => postgresHarness((options, context) => strongKv(options, context)))
  strongKvContract('postgres', async () => postgresHarness((options, context) => strongKv(options, context)))

  describe('postgres kv', () => {
    let harness: ReturnType<typeof postgresHarness<StrongKvDriver>>
    let things: StrongKvDriver
    beforeEach(async () => {
      harness = postgresHarness((options, context) => strongKv(options, context))
      things = await harness.open()
    })
    afterEach(() => harness.dispose())
    const rows = async (): Promise<number> =>
      (await admin.unsafe(`SELECT count(*)::integer AS count FROM ${harness.schema}.unmoor_kv`))[0]?.[
        'count'
      ] as number

    it('20 drivers with pools of their own make the tables at once', async () => {
      const drivers = await Promise.all(
        Array.from({ length: 20 }, async (_, index) =>
          kv(
            { url: URL_OF_SERVER, schema: harness.schema, max: 1, connectTimeout: 10 + index },
            driverContext({}),
          ),
        ),
      )
      await Promise.all(drivers.map((driver, index) => driver.put(`k${index}`, 'v', {})))
      expect((await things.list({ prefix: '', limit: 100 })).keys.length).toBe(20)
      for (const driver of drivers) await driver.close?.()
    })

    it('text with NUL, and bytes that are no UTF-8, come back as they were', async () => {
      await things.put('text', 'a\0b', {})
      await things.put('bytes', new Uint8Array([0, 255, 0]), {})
      expect((await things.get('text', 'text'))?.value).toBe('a\0b')
      expect((await things.get('bytes', 'bytes'))?.value).toEqual(new Uint8Array([0, 255, 0]))
    })

    it('expired rows are removed when they are met, and all others after them', async () => {
      let now = Date.now()
      const timed = await harness.open({ now: () => now })
      const expiration = Math.floor(now / 1000) + 60
      // More than one step removes, and fewer puts than begin a sweep.
      await timed.put('old', 'v', { expiration })
      await admin.unsafe(`INSERT INTO ${harness.schema}.unmoor_kv (store, key, text_value, expiration)
        SELECT store, convert_to('old' || n, 'UTF8'), 'v', expiration
        FROM ${harness.schema}.unmoor_kv, generate_series(1, 2500) AS n`)
      await timed.put('a', 'v', { expiration })
      await timed.put('b', 'v', { expiration })
      await timed.put('c', 'v', {})
      now += 61_000
      expect(await timed.get('a', 'text')).toBeNull()
      await timed.getMany?.(['b', 'c'], 'text')
      await expect.poll(rows, PATIENCE).toBe(1)
    })

    it('expired rows that nobody reads are swept by later puts', async () => {
      let now = Date.now()
      const timed = await harness.open({ now: () => now })
      await Promise.all(
        Array.from({ length: 400 }, (_, index) =>
          timed.put(`old${index}`, 'v', { expiration: Math.floor(now / 1000) + 60 }),
        ),
      )
      now += 61_000
      await Promise.all(Array.from({ length: 100 }, () => timed.put('new', 'v', {})))
      await expect.poll(rows, PATIENCE).toBe(1)
    })

    it('expired rows that nobody reads or puts are swept by a list, also where an earlier sweep never ended', async () => {
      let now = Date.now()
      const timed = await harness.open({ now: () => now })
      await timed.put('old', 'v', { expiration: Math.floor(now / 1000) + 60 })
      await admin.unsafe(`INSERT INTO ${harness.schema}.unmoor_kv (store, key, text_value, expiration)
        SELECT store, convert_to('old' || n, 'UTF8'), 'v', expiration
        FROM ${harness.schema}.unmoor_kv, generate_series(1, 2500) AS n`)
      await timed.put('zzz', 'v', {})
      now += 61_000
      // A sweep that waits for a lock, as one whose answer never comes.
      await admin.begin(async (locked) => {
        await locked.unsafe(`LOCK TABLE ${harness.schema}.unmoor_kv IN SHARE MODE`)
        expect((await timed.list({ prefix: '', limit: 10 })).keys.map(({ name }) => name)).toEqual(['zzz'])
        now += 61_000
        expect((await timed.list({ prefix: '', limit: 10 })).keys.length).toBe(1)
      })
      await expect.poll(rows, PATIENCE).toBe(1)
    })

    it('one pool serves all bindings with the same settings, and closes with the last', async () => {
      const name = harness.schema.slice(-40)
      const url = `${URL_OF_SERVER}?application_name=${name}`
      const open = (binding: string): Promise<StrongKvDriver> =>
        Promise.resolve(strongKv({ url, schema: harness.schema, max: 2 }, driverContext({ binding })))
      const drivers = await Promise.all(['a', 'b', 'c'].map(open))
      await Promise.all(
        drivers.flatMap((driver) =>
          Array.from({ length: 20 }, (_, index) => driver.put(`k${index}`, 'v', {})),
        ),
      )
      const connections = async (): Promise<number> =>
        (await admin`SELECT 1 FROM pg_stat_activity WHERE application_name = ${name}`).count
      // Three pools would have three at least.
      expect(await connections()).toBeLessThanOrEqual(2)
      await drivers[0]?.close?.()
      await drivers[1]?.close?.()
      expect((await drivers[2]?.get('k1', 'text'))?.value).toBe('v')
      await drivers[2]?.close?.()
      await expect.poll(connections, PATIENCE).toBe(0)
      // A later one opens a pool anew.
      const again = await open('a')
      expect((await again.get('k1', 'text'))?.value).toBe('v')
      await again.close?.()
    })

    it('a server that goes away is Unavailable, and used again when it is back', async () => {
      const detour = await postgresDetour()
      const away = await strongKv({ url: detour.url, schema: harness.schema, max: 4 }, driverContext({}))
      await away.put('a', '1', {})
      await detour.cut()
      for (let round = 0; round < 5; round++) {
        const errors = await Promise.all([
          failure(Promise.resolve(away.get('a', 'text')), 'Unavailable'),
          failure(away.put('a', '2', {}), 'Unavailable'),
        ])
        expect(errors.every(({ retryable }) => retryable)).toBe(true)
        expect(errors[0]?.mayHaveApplied).toBe(false)
        expect(errors[0]?.message).toContain(new URL(detour.url).host)
      }
      await detour.restore()
      for (let index = 0; index < 8; index++) await away.put(`k${index}`, 'v', {})
      expect((await away.get('a', 'text'))?.value).toBe('1')
      await away.close?.()
      await detour.close()
    })

    it('a connection lost under a write is Unavailable with mayHaveApplied', async () => {
      const detour = await postgresDetour()
      const away = await strongKv({ url: detour.url, schema: harness.schema, max: 2 }, driverContext({}))
      await away.put('a', '1', {})
      detour.hold()
      const lost = failure(away.put('a', 'cut off', {}), 'Unavailable')
      await detour.sent('cut off')
      detour.drop()
      expect((await lost).mayHaveApplied).toBe(true)
      detour.release()
      expect((await away.get('a', 'text'))?.value).toBe('1')
      await away.close?.()
      await detour.close()
    })

    it('a server without answers is Timeout, and used again when it answers', async () => {
      const detour = await postgresDetour()
      const away = await strongKv(
        { url: detour.url, schema: harness.schema, max: 2, timeout: 0.5 },
        driverContext({}),
      )
      // A machine that stands still is a server without answers, too: this is for the connection only.
      const connected = async (): Promise<void> => {
        await expect.poll(() => codeOf(Promise.resolve(away.get('a', 'text'))), PATIENCE).toBeUndefined()
      }
      await connected()
      detour.hold()
      expect((await failure(away.put('a', '3', {}), 'Timeout')).mayHaveApplied).toBe(true)
      expect((await failure(Promise.resolve(away.get('a', 'text')), 'Timeout')).mayHaveApplied).toBe(false)
      detour.release()
      await connected()
      await away.close?.()
      await detour.close()
    })

    it('a user without rights is PermissionDenied; tables that are there need no CREATE', async () => {
      await things.put('a', '1', {})
      const user = `user_${harness.schema}`.slice(0, 60)
      await admin.unsafe(`CREATE ROLE ${user} LOGIN`)
      try {
        const url = URL_OF_SERVER.replace(/\/\/[^@]*@/, `//${user}@`)
        const open = (): Promise<StrongKvDriver> =>
          Promise.resolve(strongKv({ url, schema: harness.schema, max: 1 }, driverContext({})))
        const refused = await open()
        await failure(Promise.resolve(refused.get('a', 'text')), 'PermissionDenied')
        await refused.close?.()
        await admin.unsafe(`GRANT USAGE ON SCHEMA ${harness.schema} TO ${user}; GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${harness.schema} TO ${user};
          GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${harness.schema} TO ${user}`)
        const allowed = await open()
        expect((await allowed.get('a', 'text'))?.value).toBe('1')
        await allowed.put('b', '2', {})
        await allowed.close?.()
      } finally {
        await admin.unsafe(`DROP OWNED BY ${user}; DROP ROLE ${user}`)
      }
    })
  })
})

describe('postgres kv without a server', () => {
  it('is Unavailable, retryable, not applied, and says nothing of the password', async () => {
    const away = await kv(
      { url: 'postgres://user:hunter2@127.0.0.1:1/db', connectTimeout: 2 },
      driverContext({}),
    )
    for (const operation of [
      away.get('a', 'text'),
      away.put('a', 'v', {}),
      away.delete('a'),
      away.list({ prefix: '', limit: 1 }),
    ]) {
      const error = await failure(operation, 'Unavailable')
      expect([error.retryable, error.mayHaveApplied]).toEqual([true, false])
      expect(error.message).not.toContain('hunter2')
    }
    await away.close?.()
  })

  it('needs a url, and a timeout that is one', async () => {
    const error = await failure(Promise.resolve(kv({}, driverContext({}))), 'NotFound')
    expect(error.message).toContain('DATABASE_URL')
    await failure(
      Promise.resolve(kv({ url: URL_OF_SERVER, timeout: 0 }, driverContext({}))),
      'InvalidArgument',
    )
  })
})
