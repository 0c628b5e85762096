import { describe, expect, it } from 'vitest'
import { createSyncCalls } from '../../adapters/isolate/services/sync-calls.ts'
import { reasonPhrase } from '../../adapters/isolate/services/header-list.ts'
import { StreamTable } from '../../adapters/isolate/services/streams.ts'
import { KeyTable } from '../../adapters/isolate/services/crypto/subtle.ts'
import { TimerTable } from '../../adapters/isolate/services/timers.ts'
import { ZlibTable } from '../../adapters/isolate/services/zlib/streams.ts'
import { PATIENCE } from '../patience.ts'

describe('synchronous calls of a guest', () => {
  it('throw nothing, whatever comes', () => {
    const call = createSyncCalls()
    const operations = [
      'url',
      'urlSet',
      'utf8',
      'decode',
      'encoding',
      'decoderOpen',
      'decoderPush',
      'decoderClose',
      'random',
      'now',
      'timeOrigin',
      'nonsense',
      '__proto__',
      undefined,
      5,
      {},
    ]
    const values: unknown[] = [
      undefined,
      null,
      0,
      -1,
      Number.NaN,
      1e9,
      '',
      'x',
      '\ud800',
      [],
      {},
      { toString: 5 },
      new Uint8Array(3),
      new Map(),
    ]
    for (const operation of operations) {
      for (const a of values) {
        // What cannot become text is the only thing that may throw, and then as a TypeError of the language.
        for (const b of values) {
          try {
            call(operation, a, b, b, a)
          } catch (error) {
            expect((error as Error).message).toBe('Cannot convert object to primitive value')
          }
        }
      }
    }
  })

  it('give no more random bytes than the web allows at once', () => {
    const call = createSyncCalls()
    expect((call('random', 65_536) as Uint8Array).length).toBe(65_536)
    expect((call('random', 65_537) as Uint8Array).length).toBe(0)
  })

  it('bound the decoders of streams', () => {
    const call = createSyncCalls()
    for (let count = 0; count < 1000; count++)
      expect(call('decoderOpen', 'utf-8', false, false)).toBeGreaterThan(0)
    expect(call('decoderOpen', 'utf-8', false, false)).toBe(0)
    call('decoderClose', 1)
    expect(call('decoderOpen', 'utf-8', false, false)).toBeGreaterThan(0)
  })
})

describe('keys', () => {
  it('are of one isolate: another knows no number of them', async () => {
    const [own, other] = [new KeyTable(), new KeyTable()]
    const key = (await own.call('importKey', [
      'raw',
      new Uint8Array(16),
      { name: 'HMAC', hash: 'SHA-256' },
      false,
      ['sign'],
    ])) as { unmoorKey: { id: number } }
    const args = ['HMAC', { unmoorKey: key.unmoorKey.id }, new Uint8Array(1)]
    expect(await own.call('sign', args)).toBeInstanceOf(Uint8Array)
    await expect(other.call('sign', args)).rejects.toThrow('The CryptoKey is not known')
    await expect(own.call('exportKey', ['raw', { unmoorKey: key.unmoorKey.id }])).rejects.toThrow(
      /not extractable/,
    )
    own.release(key.unmoorKey.id)
    await expect(own.call('sign', args)).rejects.toThrow('The CryptoKey is not known')
  })

  it('only methods of SubtleCrypto can be called', async () => {
    for (const method of ['constructor', '__proto__', 'toString', 5, undefined])
      await expect(new KeyTable().call(method, [])).rejects.toThrow('There is no SubtleCrypto.')
    await expect(new KeyTable().call('digest', 'no array')).rejects.toThrow('There is no SubtleCrypto.')
  })
})

describe('zlib', () => {
  it('refuses a bomb', async () => {
    const zlib = new ZlibTable()
    const bomb: Uint8Array[] = []
    const zeros = new Uint8Array(16 * 1024 * 1024)
    for (let count = 0; count < 5; count++) bomb.push(...(await zlib.feed(1, 'compress', 'gzip', zeros)))
    bomb.push(...(await zlib.feed(1, 'compress', 'gzip', null)))
    await expect(zlib.feed(2, 'decompress', 'gzip', Buffer.concat(bomb))).rejects.toThrow('grew to more than')
  })

  it('bounds the streams of one isolate, and frees them', async () => {
    const zlib = new ZlibTable()
    for (let id = 0; id < 64; id++) await zlib.feed(id, 'compress', 'deflate', new Uint8Array(1))
    await expect(zlib.feed(64, 'compress', 'deflate', new Uint8Array(1))).rejects.toThrow(
      'More than 64 compression streams',
    )
    zlib.close(0)
    await zlib.feed(64, 'compress', 'deflate', new Uint8Array(1))
    zlib.clear()
    await expect(zlib.feed(65, 'compress', 'constructor', new Uint8Array(1))).rejects.toThrow(
      'Unsupported compression format',
    )
  })
})

describe('streams', () => {
  const table = (): { table: StreamTable; sent: unknown[][] } => {
    const sent: unknown[][] = []
    return { sent, table: new StreamTable((...message) => sent.push(message)) }
  }

  it("a guest's stream asks for a chunk only when its reader does", async () => {
    const { table: streams, sent } = table()
    const reader = streams.fromGuest(1).getReader()
    await Promise.resolve()
    expect(sent).toEqual([])
    const read = reader.read()
    await expect.poll(() => sent, PATIENCE).toEqual([['pull', 1]])
    streams.handle('chunk', 1, new Uint8Array([1]))
    expect((await read).value).toEqual(new Uint8Array([1]))
    const failed = reader.read()
    streams.handle('chunk', 1, 'no bytes')
    await expect(failed).rejects.toThrow('no Uint8Array')
  })

  it('have one reader each: the one before would wait for ever, and keep its file open', async () => {
    const { table: streams } = table()
    const read = streams.fromGuest(7).getReader().read()
    expect(() => streams.fromGuest(7)).toThrow('The stream 7 is being read already')
    streams.handle('end', 7, undefined)
    expect((await read).done).toBe(true)
    expect(streams.fromGuest(7)).toBeInstanceOf(ReadableStream)
  })

  it('made-up messages harm nothing', () => {
    const { table: streams } = table()
    for (const operation of ['pull', 'cancel', 'chunk', 'end', 'fail']) {
      for (const id of [1, 2, -1, Number.NaN, 1e300])
        expect(streams.handle(operation, id, { name: 5, message: {} })).toBe(true)
      expect(streams.handle(operation, 'x', undefined)).toBe(false)
    }
    expect(() => streams.fromGuest({})).toThrow('A stream has a number')
  })

  it('break when the isolate ends', async () => {
    const { table: streams } = table()
    let cancelled: unknown
    streams.toGuest(new ReadableStream({ cancel: (reason) => void (cancelled = reason) }))
    const read = streams.fromGuest(1).getReader().read()
    const error = new Error('gone')
    streams.break(error)
    await expect(read).rejects.toBe(error)
    await expect.poll(() => cancelled, PATIENCE).toBe(error)
    await expect(streams.fromGuest(3).getReader().read()).rejects.toBe(error)
  })
})

describe('the reason of an answer', () => {
  it('is refused where HTTP/1.1 cannot carry it', () => {
    expect(reasonPhrase('Not Ünder way')).toBe('Not Ünder way')
    for (const reason of ['OK\r\nset-cookie: a=b', 'a\0', '\u2028', '\ud800'])
      expect(() => reasonPhrase(reason)).toThrow('HTTP/1.1 cannot carry')
  })
})

describe('timers', () => {
  it('are bounded, and stop with the isolate', async () => {
    const fired: number[] = []
    const timers = new TimerTable((id) => fired.push(id))
    for (let id = 0; id < 10_001; id++) timers.start(id, id === 10_000 ? 0 : 1e12)
    timers.start('x', 0)
    await new Promise((resolve) => setTimeout(resolve, 20))
    // The one too many was not started, and a delay over node's longest does not fire at once.
    expect(fired).toEqual([])
    timers.clear(0)
    timers.start(10_000, 0)
    await expect.poll(() => fired, PATIENCE).toEqual([10_000])
    timers.clearAll()
  })
})
