import { utf8, utf8Text } from '../../../bindings/bytes.ts'
import type { KvDriver } from '../../../bindings/drivers.ts'
import { type DriverCase, defineCases } from './driver-case.ts'
import { expect } from './expect.ts'
import { byteOrder, failure, type Harness, pattern, STRANGE_KEYS } from './harness.ts'

/**
 * Returns the conformance cases that every kv driver must pass; ids as in the conformance suite. `ownClock`:
 * entries expire by the backend's clock, which no test can set.
 */
// oxlint-disable-next-line max-lines-per-function -- a list of cases over one harness, as a describe is
export function kvCases(create: () => Promise<Harness<KvDriver>>, { ownClock = false } = {}): DriverCase[] {
  let harness: Harness<KvDriver>
  let kv: KvDriver
  const { cases, it, skip } = defineCases(
    'kv',
    async () => {
      harness = await create()
      kv = await harness.open()
    },
    () => harness.dispose(),
  )
  const itClocked = ownClock ? skip("entries expire by the backend's own clock, which nobody can move") : it

  const text = async (key: string): Promise<unknown> => (await kv.get(key, 'text'))?.value
  const listAll = async (prefix = '', limit = 1000): Promise<string[]> => {
    const names: string[] = []
    let cursor: string | undefined
    do {
      const page = await kv.list({ prefix, cursor, limit })
      expect(page.keys.length).toBeLessThanOrEqual(limit)
      names.push(...page.keys.map((key) => key.name))
      cursor = page.cursor
    } while (cursor !== undefined)
    return names
  }

  it('kv-d01 text round trip, and a missing key is null', async () => {
    await kv.put('a', 'text ✓', {})
    expect(await kv.get('a', 'text')).toEqual({ value: 'text ✓', metadata: undefined, expiration: undefined })
    expect(await kv.get('b', 'text')).toBeNull()
  })

  it('kv-d02 the empty text is a value', async () => {
    await kv.put('a', '', {})
    expect(await text('a')).toBe('')
    expect(utf8Text((await kv.get('a', 'bytes'))?.value as Uint8Array)).toBe('')
  })

  it('kv-d03 all byte values, and text read as bytes and the other way', async () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    await kv.put('bin', bytes, {})
    expect(new Uint8Array((await kv.get('bin', 'bytes'))?.value as Uint8Array)).toEqual(bytes)
    await kv.put('text', 'h\u00e9\0', {})
    expect(new Uint8Array((await kv.get('text', 'bytes'))?.value as Uint8Array)).toEqual(utf8('h\u00e9\0'))
    await kv.put('utf8', utf8('\ufeffbom'), {})
    expect(await text('utf8')).toBe('\ufeffbom')
  })

  it('kv-d04 a value as a stream, or as bytes that stand for it', async () => {
    await kv.put('a', pattern(70_000), {})
    const value = (await kv.get('a', 'stream'))?.value
    const bytes = new Uint8Array(
      await new Response(
        value as Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array<ArrayBuffer>>,
      ).arrayBuffer(),
    )
    expect(Buffer.compare(bytes, pattern(70_000))).toBe(0)
  })

  it('kv-d06 strange keys stay distinct', async () => {
    for (const key of STRANGE_KEYS) await kv.put(key, `value of ${key}`, {})
    for (const key of STRANGE_KEYS) expect(await text(key), JSON.stringify(key)).toBe(`value of ${key}`)
    expect(await listAll()).toEqual(byteOrder(STRANGE_KEYS))
  })

  it('kv-d09 a key of 512 bytes', async () => {
    const keys = ['k'.repeat(512), '\u00e9'.repeat(256), '\u{1f600}'.repeat(128)]
    for (const key of keys) await kv.put(key, key, {})
    for (const key of keys) expect(await text(key)).toBe(key)
    expect(await listAll()).toEqual(byteOrder(keys))
  })

  it('kv-d10 a value of 25 MiB, bytes and text', { timeout: 120_000 }, async () => {
    const bytes = pattern(25 * 1024 * 1024)
    await kv.put('large', bytes, {})
    expect(Buffer.compare((await kv.get('large', 'bytes'))?.value as Uint8Array, bytes)).toBe(0)
    const long = 'x'.repeat(25 * 1024 * 1024)
    await kv.put('large', long, {})
    expect((await text('large')) === long).toBe(true)
  })

  it('kv-d11 metadata of 1,024 bytes', async () => {
    const metadata = JSON.stringify('m'.repeat(1022))
    await kv.put('a', 'v', { metadata })
    expect((await kv.get('a', 'text'))?.metadata).toBe(metadata)
    expect((await kv.list({ prefix: '', limit: 10 })).keys[0]?.metadata).toBe(metadata)
  })

  it('kv-d12 a put without metadata clears it, and falsy metadata stays', async () => {
    for (const metadata of ['0', '""', 'false', 'null']) {
      await kv.put('a', 'v', { metadata })
      expect((await kv.get('a', 'text'))?.metadata).toBe(metadata)
    }
    await kv.put('a', 'v', {})
    expect((await kv.get('a', 'text'))?.metadata).toBeUndefined()
  })

  itClocked('kv-d15 an expired key is never seen, also while the backend holds it', async () => {
    let now = Date.now()
    const timed = await harness.open({ now: () => now })
    const expiration = Math.floor(now / 1000) + 60
    await timed.put('gone', 'v', { expiration })
    await timed.put('stays', 'v', {})
    expect((await timed.get('gone', 'text'))?.expiration).toBe(expiration)
    now = expiration * 1000 - 1
    expect((await timed.get('gone', 'text'))?.value).toBe('v')
    now = expiration * 1000
    expect((await timed.list({ prefix: '', limit: 10 })).keys.map((key) => key.name)).toEqual(['stays'])
    expect(await timed.get('gone', 'text')).toBeNull()
    expect([
      ...((await timed.getMany?.(['gone', 'stays'], 'text')) ?? new Map([['stays', null]])).keys(),
    ]).toEqual(['stays'])
    // An expired kv key can be written again.
    await timed.put('gone', 'again', {})
    expect((await timed.get('gone', 'text'))?.value).toBe('again')
  })

  itClocked('kv-d15b expired keys between live ones do not end a list', async () => {
    let now = Date.now()
    const timed = await harness.open({ now: () => now })
    for (let index = 0; index < 20; index++)
      await timed.put(
        `k${String(index).padStart(2, '0')}`,
        'v',
        index % 10 === 9 ? {} : { expiration: Math.floor(now / 1000) + 60 },
      )
    now += 120_000
    const names: string[] = []
    let cursor: string | undefined
    do {
      const page = await timed.list({ prefix: 'k', cursor, limit: 1 })
      names.push(...page.keys.map((key) => key.name))
      cursor = page.cursor
    } while (cursor !== undefined)
    expect(names).toEqual(['k09', 'k19'])
  })

  it('kv-d16 a put without expiration clears the earlier one; kv-17 a list has expirations', async () => {
    const expiration = Math.floor(Date.now() / 1000) + 3600
    await kv.put('a', 'v', { expiration })
    await kv.put('b', 'v', { expiration })
    await kv.put('a', 'v', {})
    expect((await kv.get('a', 'text'))?.expiration).toBeUndefined()
    const { keys } = await kv.list({ prefix: '', limit: 10 })
    expect(keys.map((key) => key.expiration)).toEqual([undefined, expiration])
  })

  it('kv-d18 a list is in UTF-8 byte order', async () => {
    const keys = ['\u{1f600}', '\uff61', 'Z', 'a', '\u00ff', '\ud7ff', '\ue000', '10', '9', 'a\0', 'a ']
    for (const key of keys) await kv.put(key, 'v', {})
    expect(await listAll()).toEqual(byteOrder(keys))
    expect(await listAll('', 1)).toEqual(byteOrder(keys))
  })

  it('kv-d19 prefixes are literal, up to the last code point', async () => {
    const keys = [
      'a',
      'ab',
      'a%',
      'a_',
      'a*',
      'a[b]',
      'a\u{10ffff}',
      'a\u{10ffff}z',
      'b',
      '%',
      '\u{10ffff}',
      '\u{10ffff}\u{10ffff}',
      '\ud7ffx',
      '\ue000x',
      'A',
    ]
    for (const key of keys) await kv.put(key, 'v', {})
    for (const prefix of [
      '',
      'a',
      'ab',
      'a%',
      'a_',
      'a*',
      'a[',
      'a\u{10ffff}',
      '%',
      '\u{10ffff}',
      '\u{10ffff}\u{10ffff}',
      '\ud7ff',
      'nothing',
    ]) {
      expect(await listAll(prefix), JSON.stringify(prefix)).toEqual(
        byteOrder(keys.filter((key) => key.startsWith(prefix))),
      )
    }
  })

  for (const counts of [[1], [2], [999, 1000, 1001]]) {
    const most = Math.max(...counts)
    it(
      `kv-d20/${most} ${counts.join(', ')} keys in pages: no gap, no double, no cursor after the last`,
      { timeout: 120_000 },
      async () => {
        const keys = Array.from({ length: most }, (_, index) => `k${String(index).padStart(5, '0')}`)
        let written = 0
        for (const count of counts) {
          for (; written < count; written += 50)
            await Promise.all(
              keys.slice(written, Math.min(written + 50, count)).map((key) => kv.put(key, 'v', {})),
            )
          written = count
          const first = await kv.list({ prefix: '', limit: 1000 })
          expect(first.keys.length).toBe(Math.min(count, 1000))
          expect(first.cursor === undefined).toBe(count <= 1000)
          expect(await listAll('', count < 10 ? 1 : 130)).toEqual(keys.slice(0, count))
        }
      },
    )
  }

  it('kv-d21 puts and deletes between pages do not touch other keys', async () => {
    const keys = Array.from({ length: 10 }, (_, index) => `k${index}`)
    for (const key of keys) await kv.put(key, 'v', {})
    const first = await kv.list({ prefix: 'k', limit: 4 })
    expect(first.keys.map((key) => key.name)).toEqual(['k0', 'k1', 'k2', 'k3'])
    await kv.delete('k3')
    await kv.put('k00', 'v', {})
    await kv.put('k35', 'v', {})
    await kv.delete('k7')
    const second = await kv.list({ prefix: 'k', cursor: first.cursor, limit: 100 })
    expect(second.keys.map((key) => key.name)).toEqual(['k35', 'k4', 'k5', 'k6', 'k8', 'k9'])
    expect(second.cursor).toBeUndefined()
  })

  it('kv-d22 a cursor that this driver did not make is refused', async () => {
    await kv.put('a', 'v', {})
    await kv.put('b', 'v', {})
    const { cursor } = await kv.list({ prefix: '', limit: 1 })
    for (const bad of [
      'garbage',
      'a',
      '====',
      `${cursor}x`,
      cursor?.slice(1),
      Buffer.from('a').toString('base64url'),
    ]) {
      await failure(kv.list({ prefix: '', cursor: bad, limit: 1 }), 'InvalidArgument')
    }
  })

  it('kv-d23 deleting is idempotent', async () => {
    await kv.put('a', 'v', {})
    await kv.delete('a')
    await kv.delete('a')
    expect(await kv.get('a', 'text')).toBeNull()
    expect(await listAll()).toEqual([])
  })

  it('kv-d24 getMany of 100 keys', async () => {
    if (kv.getMany === undefined) return 'the driver has no getMany'
    const keys = Array.from({ length: 100 }, (_, index) => `k${index}`)
    for (const key of keys.slice(0, 60)) await kv.put(key, `v-${key}`, { metadata: '1' })
    const found = await kv.getMany(keys, 'text')
    expect(found.size).toBe(60)
    for (const key of keys.slice(0, 60))
      expect(found.get(key)).toEqual({ value: `v-${key}`, metadata: '1', expiration: undefined })
  })

  it('kv-d27 a value over 350 KB replaced by a small one and back', async () => {
    for (const size of [400_000, 10, 400_001, 0, 350_000]) {
      await kv.put('a', pattern(size, size), {})
      expect(Buffer.compare((await kv.get('a', 'bytes'))?.value as Uint8Array, pattern(size, size))).toBe(0)
    }
  })

  it('kv-d28 bindings and apps do not see each other', async () => {
    const other = await harness.open({ binding: 'others' })
    const foreign = await harness.open({ app: 'foreign' })
    await kv.put('mine', 'v', {})
    await other.put('theirs', 'v', {})
    await foreign.put('far', 'v', {})
    expect(await listAll()).toEqual(['mine'])
    expect((await other.list({ prefix: '', limit: 10 })).keys.map((key) => key.name)).toEqual(['theirs'])
    expect((await foreign.list({ prefix: '', limit: 10 })).keys.map((key) => key.name)).toEqual(['far'])
    expect(await other.get('mine', 'text')).toBeNull()
  })

  it('kv-d29 a second driver on the same backend sees the writes', async () => {
    const second = await harness.open()
    await kv.put('a', '1', {})
    expect((await second.get('a', 'text'))?.value).toBe('1')
    await second.put('a', '2', {})
    expect(await text('a')).toBe('2')
  })

  it('kv-d30 100 concurrent puts and gets do not mix', async () => {
    await Promise.all(
      Array.from({ length: 100 }, (_, index) =>
        kv.put(`k${index}`, `v${index}`, { metadata: String(index) }),
      ),
    )
    const found = await Promise.all(Array.from({ length: 100 }, (_, index) => kv.get(`k${index}`, 'text')))
    found.forEach((entry, index) =>
      expect(entry).toEqual({ value: `v${index}`, metadata: String(index), expiration: undefined }),
    )
  })
  return cases
}
