import type { KvVersionedEntry, StrongKvDriver } from '../../../bindings/drivers.ts'
import { StrongKv } from '../../../bindings/strong-kv.ts'
import { type DriverCase, defineCases } from './driver-case.ts'
import { expect } from './expect.ts'
import { byteOrder, failure, type Harness, pattern, STRANGE_KEYS } from './harness.ts'

/**
 * Returns the conformance cases that every strongKv driver must pass in addition to the kv cases. `ownClock`:
 * entries expire by the backend's clock, which no test can set.
 */
// oxlint-disable-next-line max-lines-per-function -- a list of cases over one harness, as a describe is
export function strongKvCases(
  create: () => Promise<Harness<StrongKvDriver>>,
  { ownClock = false } = {},
): DriverCase[] {
  let harness: Harness<StrongKvDriver>
  let kv: StrongKvDriver
  const { cases, it, skip } = defineCases(
    'strongKv',
    async () => {
      harness = await create()
      kv = await harness.open()
    },
    () => harness.dispose(),
  )
  const itClocked = ownClock ? skip("entries expire by the backend's own clock, which nobody can move") : it

  const entry = async (key: string): Promise<KvVersionedEntry> => {
    const found = await kv.getWithVersion(key, 'text')
    if (found === null) return expect.fail(`${key} is missing`)
    return found
  }
  const written = (version: string | null): string => version ?? expect.fail('it was not written')

  it('kv-d25a a read has the version of the write; a missing key has none', async () => {
    expect(await kv.getWithVersion('a', 'text')).toBeNull()
    const version = written(await kv.putIf('a', 'text \u2713', { metadata: '{"m":1}' }, null))
    expect(version).not.toBe('')
    expect(await kv.getWithVersion('a', 'text')).toEqual({
      value: 'text \u2713',
      metadata: '{"m":1}',
      expiration: undefined,
      version,
    })
    expect(await kv.get('a', 'text')).toEqual({
      value: 'text \u2713',
      metadata: '{"m":1}',
      expiration: undefined,
    })
    expect(await kv.getWithVersion('a', 'text'), 'reading changes no version').toMatchObject({ version })
  })

  it('kv-d25b every write gives another version, also of the same value, by put, and after a delete', async () => {
    const versions: string[] = []
    versions.push(written(await kv.putIf('a', 'same', {}, null)))
    versions.push(written(await kv.putIf('a', 'same', {}, versions[0] as string)))
    await kv.put('a', 'same', {})
    versions.push((await entry('a')).version)
    await kv.put('a', 'same', {})
    versions.push((await entry('a')).version)
    for (let round = 0; round < 3; round++) {
      await kv.delete('a')
      versions.push(written(await kv.putIf('a', 'same', {}, null)))
      expect(await kv.deleteIf('a', versions.at(-1) as string)).toBe(true)
      await kv.put('a', 'same', {})
      versions.push((await entry('a')).version)
    }
    expect(new Set(versions).size).toBe(versions.length)
    for (const version of versions.slice(0, -1)) expect(await kv.putIf('a', 'stale', {}, version)).toBeNull()
    expect((await entry('a')).value).toBe('same')
  })

  it('kv-d25c a condition that does not hold writes nothing: not the value, nor metadata, nor expiration', async () => {
    const expiration = Math.floor(Date.now() / 1000) + 3600
    const version = written(await kv.putIf('a', 'old', { metadata: '1', expiration }, null))
    expect(await kv.putIf('a', 'new', { metadata: '2' }, null)).toBeNull()
    expect(await kv.putIf('a', 'new', { metadata: '2' }, 'no such version')).toBeNull()
    expect(await kv.getWithVersion('a', 'text')).toEqual({
      value: 'old',
      metadata: '1',
      expiration,
      version,
    })
    expect(await kv.putIf('b', 'new', {}, version)).toBeNull()
    expect(await kv.get('b', 'text')).toBeNull()
    expect((await kv.list({ prefix: '', limit: 10 })).keys.map((key) => key.name)).toEqual(['a'])
  })

  it('kv-d25d a conditional write replaces value, metadata and expiration together', async () => {
    const expiration = Math.floor(Date.now() / 1000) + 3600
    let version = written(await kv.putIf('a', 'old', { metadata: '1', expiration }, null))
    version = written(await kv.putIf('a', 'new', {}, version))
    expect(await kv.getWithVersion('a', 'text')).toEqual({
      value: 'new',
      metadata: undefined,
      expiration: undefined,
      version,
    })
    version = written(await kv.putIf('a', 'newer', { metadata: '3', expiration }, version))
    expect(await kv.getWithVersion('a', 'text')).toEqual({
      value: 'newer',
      metadata: '3',
      expiration,
      version,
    })
    expect((await kv.list({ prefix: '', limit: 10 })).keys).toEqual([
      { name: 'a', metadata: '3', expiration },
    ])
  })

  it('kv-d25e deleteIf removes that version only', async () => {
    const first = written(await kv.putIf('a', '1', {}, null))
    const second = written(await kv.putIf('a', '2', {}, first))
    expect(await kv.deleteIf('a', first)).toBe(false)
    expect(await kv.deleteIf('b', first)).toBe(false)
    expect((await entry('a')).value).toBe('2')
    expect(await kv.deleteIf('a', second)).toBe(true)
    expect(await kv.deleteIf('a', second)).toBe(false)
    expect(await kv.get('a', 'text')).toBeNull()
    expect((await kv.list({ prefix: '', limit: 10 })).keys).toEqual([])
    expect(await kv.putIf('a', '3', {}, second)).toBeNull()
    expect(await kv.get('a', 'text')).toBeNull()
  })

  it('kv-d25f bytes, empty and large values, strange keys', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    const version = written(await kv.putIf('bin', bytes, {}, null))
    expect(new Uint8Array((await kv.getWithVersion('bin', 'bytes'))?.value as Uint8Array)).toEqual(bytes)
    written(await kv.putIf('bin', '', {}, version))
    expect((await entry('bin')).value).toBe('')
    let last: string | null = null
    for (const size of [400_000, 10, 3_000_000]) {
      last = written(await kv.putIf('large', pattern(size, size), {}, last))
      expect(
        Buffer.compare((await kv.getWithVersion('large', 'bytes'))?.value as Uint8Array, pattern(size, size)),
      ).toBe(0)
    }
    await kv.delete('bin')
    await kv.delete('large')
    for (const key of STRANGE_KEYS) written(await kv.putIf(key, key, {}, null))
    for (const key of STRANGE_KEYS) expect((await entry(key)).value).toBe(key)
    expect((await kv.list({ prefix: '', limit: 1000 })).keys.map((key) => key.name)).toEqual(
      byteOrder(STRANGE_KEYS),
    )
  })

  itClocked('kv-d25g an expired entry counts as absent', async () => {
    let now = Date.now()
    const timed = await harness.open({ now: () => now })
    const expiration = Math.floor(now / 1000) + 60
    const first = written(await timed.putIf('a', '1', { expiration }, null))
    await timed.putIf('b', '1', { expiration }, null)
    await timed.putIf('c', '1', { expiration }, null)
    now = expiration * 1000 - 1
    expect(await timed.putIf('a', '2', {}, null)).toBeNull()
    now = expiration * 1000
    expect(await timed.getWithVersion('a', 'text')).toBeNull()
    expect(await timed.putIf('a', '2', {}, first)).toBeNull()
    expect(await timed.deleteIf('a', first)).toBe(false)
    const second = written(await timed.putIf('a', '2', {}, null))
    expect(second).not.toBe(first)
    expect(await timed.getWithVersion('a', 'text')).toMatchObject({ value: '2', version: second })
    const other = (await timed.getWithVersion('b', 'text'))?.version
    expect(other).toBeUndefined()
    expect((await timed.list({ prefix: '', limit: 10 })).keys.map((key) => key.name)).toEqual(['a'])
  })

  it('kv-d25h 50 create at once: one does', async () => {
    const drivers = [kv, await harness.open(), await harness.open(), await harness.open()]
    const versions = await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (drivers[index % 4] as StrongKvDriver).putIf('a', String(index), {}, null),
      ),
    )
    const winners = versions.flatMap((version, index) =>
      version === null ? [] : [{ version, value: String(index) }],
    )
    expect(winners.length).toBe(1)
    expect(await entry('a')).toMatchObject(winners[0])
  })

  it('kv-d25i 50 replace, then 50 remove, one version at once: one does each time', async () => {
    const drivers = [kv, await harness.open(), await harness.open(), await harness.open()]
    let version = written(await kv.putIf('a', 'start', {}, null))
    for (let round = 0; round < 3; round++) {
      const base = version
      const versions = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          (drivers[index % 4] as StrongKvDriver).putIf('a', `${round}-${index}`, {}, base),
        ),
      )
      const winners = versions.flatMap((won, index) =>
        won === null ? [] : [{ version: won, value: `${round}-${index}` }],
      )
      expect(winners.length).toBe(1)
      expect(await entry('a')).toMatchObject(winners[0])
      version = winners[0]?.version as string
    }
    const removed = await Promise.all(
      Array.from({ length: 50 }, (_, index) => (drivers[index % 4] as StrongKvDriver).deleteIf('a', version)),
    )
    expect(removed.filter(Boolean).length).toBe(1)
  })

  it('kv-d25j 50 increments by update lose none', { timeout: 60_000 }, async () => {
    const stores = [kv, await harness.open()].map((driver) => new StrongKv(driver, { binding: 'things' }))
    await Promise.all(
      Array.from({ length: 50 }, (_, index) =>
        (stores[index % 2] as StrongKv).update<number>('n', (current) => (current ?? 0) + 1),
      ),
    )
    expect((await entry('n')).value).toBe('50')
  })

  it('kv-d25k the portable class: a failed condition is PreconditionFailed', async () => {
    const store = new StrongKv(kv, { binding: 'things' })
    const { version } = await store.putIf('a', '1', { absent: true })
    expect(await store.getWithVersion('a')).toEqual({ value: '1', metadata: null, expiration: null, version })
    await failure(store.putIf('a', '2', { absent: true }), 'PreconditionFailed')
    const next = await store.putIf('a', '2', { version })
    await failure(store.putIf('a', '3', { version }), 'PreconditionFailed')
    await failure(store.deleteIf('a', { version }), 'PreconditionFailed')
    await store.deleteIf('a', next)
    expect(await store.get('a')).toBeNull()
  })

  it('kv-d25l a read on another driver sees what was written before, every time', async () => {
    const second = await harness.open()
    let version: string | null = null
    for (let round = 0; round < 50; round++) {
      version = written(await kv.putIf('a', String(round), {}, version))
      expect((await second.get('a', 'text'))?.value).toBe(String(round))
      expect(await second.getWithVersion('a', 'text')).toMatchObject({ value: String(round), version })
      await second.put(`k${String(round).padStart(2, '0')}`, 'v', {})
      expect((await kv.list({ prefix: 'k', limit: 100 })).keys.length).toBe(round + 1)
    }
  })

  it('kv-d25m bindings do not see each other', async () => {
    const other = await harness.open({ binding: 'others' })
    const version = written(await kv.putIf('a', 'mine', {}, null))
    expect(await other.getWithVersion('a', 'text')).toBeNull()
    expect(await other.deleteIf('a', version)).toBe(false)
    written(await other.putIf('a', 'theirs', {}, null))
    expect((await entry('a')).value).toBe('mine')
  })
  return cases
}
