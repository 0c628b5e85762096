import { describe, expect, it } from 'vitest'
import { compareUtf8, prefixEnd, utf8Length } from '../../core/bindings/bytes.ts'
import type { KvDriver, QueueDriver, QueueOutgoing } from '../../core/bindings/drivers.ts'
import { Kv } from '../../core/bindings/kv.ts'
import { createBatch, Queue } from '../../core/bindings/queue.ts'
import { Secret } from '../../core/bindings/secret.ts'
import { errorFromJSON, UnmoorError } from '../../core/errors.ts'
import { decodeValue, encodeError, encodeValue } from '../../core/runtime/rpc.ts'
import { inspect } from 'node:util'

const WORDS = [
  '',
  'a',
  'é',
  '\u{ff61}',
  '\u{1f600}',
  'a\u{1f600}b',
  '\u{ffff}',
  '\u{10ffff}',
  '\u{d7ff}',
  '\u{e000}',
]

describe('bytes', () => {
  it('measures and orders as UTF-8 does', () => {
    for (const a of WORDS) {
      expect(utf8Length(a)).toBe(Buffer.byteLength(a))
      for (const b of WORDS)
        expect(Math.sign(compareUtf8(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
    }
  })

  it('ends a prefix after all that it begins', () => {
    for (const prefix of WORDS) {
      const end = prefixEnd(prefix)
      for (const rest of WORDS) if (end !== undefined) expect(compareUtf8(prefix + rest, end)).toBeLessThan(0)
      expect(end?.isWellFormed() ?? true).toBe(true)
    }
    expect(prefixEnd('a\u{10ffff}')).toBe('b')
    expect(prefixEnd('\u{10ffff}')).toBeUndefined()
  })
})

function store(): { kv: Kv; calls: unknown[] } {
  const calls: unknown[] = []
  const driver: KvDriver = {
    get: async () => ({ value: '{"a":1}', metadata: 'false' }),
    put: async (...args) => void calls.push(args),
    delete: async (key) => void calls.push(key),
    list: async () => ({ keys: [{ name: 'a', metadata: '0' }, { name: 'b' }] }),
  }
  return { kv: new Kv(driver, { binding: 'links', now: () => 1_000_000_000_000 }), calls }
}

describe('Kv', () => {
  it.each(['', '.', '..', '\ud800', 'x'.repeat(513), 'é'.repeat(257), 5, null])(
    'refuses the key %j',
    async (key) => {
      const { kv, calls } = store()
      await expect(kv.put(key as string, 'v')).rejects.toMatchObject({ binding: 'links', operation: 'put' })
      expect(calls).toEqual([])
    },
  )

  it('counts expiry in whole seconds and refuses under a minute', async () => {
    const { kv, calls } = store()
    await kv.put('k', 'v', { ttl: 60 })
    await kv.put('k', 'v', { expiration: 1_000_000_060 })
    expect(calls).toEqual([
      ['k', 'v', { expiration: 1_000_000_060 }],
      ['k', 'v', { expiration: 1_000_000_060 }],
    ])
    for (const options of [
      { ttl: 59 },
      { expiration: 1_000_000_059 },
      { ttl: 60.5 },
      { ttl: 60, expiration: 1_000_000_060 },
      { ttl: -1 },
    ]) {
      await expect(kv.put('k', 'v', options)).rejects.toMatchObject({ code: 'InvalidArgument' })
    }
  })

  it('keeps falsy metadata, measures its JSON', async () => {
    const { kv, calls } = store()
    expect((await kv.getWithMetadata('k')).metadata).toBe(false)
    expect((await kv.list()).keys).toEqual([
      { name: 'a', metadata: 0, expiration: null },
      { name: 'b', metadata: null, expiration: null },
    ])
    await kv.put('k', 'v', { metadata: 'x'.repeat(1022) })
    await expect(kv.put('k', 'v', { metadata: 'x'.repeat(1023) })).rejects.toMatchObject({
      code: 'LimitExceeded',
      details: { actual: 1025 },
    })
    await expect(kv.put('k', 'v', { metadata: 1n })).rejects.toMatchObject({ code: 'InvalidArgument' })
    expect(calls).toHaveLength(1)
  })

  it('leaves the old value when the stream fails or is too long', async () => {
    const { kv, calls } = store()
    const failing = new ReadableStream({ pull: (controller) => controller.error(new Error('torn')) })
    await expect(kv.put('k', failing)).rejects.toMatchObject({ code: 'Aborted' })
    const endless = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1 << 20)) })
    await expect(kv.put('k', endless)).rejects.toMatchObject({
      code: 'LimitExceeded',
      details: { limit: 'kv.value' },
    })
    await expect(kv.put('k', {} as never)).rejects.toMatchObject({ code: 'InvalidArgument' })
    expect(calls).toEqual([])
  })

  it('reads as JSON or says that it is none', async () => {
    const { kv } = store()
    expect(await kv.get('k', 'json')).toEqual({ a: 1 })
    await expect(kv.get('k', 'xml' as never)).rejects.toMatchObject({ code: 'InvalidArgument' })
    await expect(kv.getMany(Array<string>(101).fill('k'))).rejects.toMatchObject({ code: 'LimitExceeded' })
  })
})

describe('Queue', () => {
  const sent: QueueOutgoing[] = []
  const driver: QueueDriver = { send: async (messages) => void sent.push(...messages) }
  const queue = new Queue<unknown>(driver, { binding: 'clicks' })

  it('sends JSON and bytes, and refuses the rest', async () => {
    await queue.send('text')
    await queue.send(new Uint8Array([1]), { delaySeconds: 900 })
    expect(sent).toMatchObject([
      { contentType: 'json', body: '"text"', delaySeconds: 0 },
      { contentType: 'bytes', delaySeconds: 900 },
    ])
    await expect(queue.send(undefined)).rejects.toMatchObject({ code: 'InvalidArgument' })
    await expect(queue.send(1n)).rejects.toMatchObject({ code: 'InvalidArgument' })
    await expect(queue.send('a', { delaySeconds: 901 })).rejects.toMatchObject({ code: 'LimitExceeded' })
    await expect(queue.send('x'.repeat(126_999))).rejects.toMatchObject({
      code: 'LimitExceeded',
      details: { actual: 127_001 },
    })
    await expect(queue.sendBatch([])).rejects.toMatchObject({ code: 'InvalidArgument' })
    await expect(queue.sendBatch(Array.from({ length: 101 }, () => ({ body: 1 })))).rejects.toMatchObject({
      code: 'LimitExceeded',
    })
    await expect(
      queue.sendBatch(Array.from({ length: 3 }, () => ({ body: 'x'.repeat(100_000) }))),
    ).rejects.toMatchObject({
      code: 'LimitExceeded',
      details: { limit: 'queue.sendBatchBytes' },
    })
    expect(sent).toHaveLength(2)
  })

  it('settles each message by its first ack or retry', () => {
    const incoming = ['a', 'b', 'c', 'd'].map((id) => ({
      id,
      lease: id,
      contentType: 'json' as const,
      body: '1',
      attempts: 1,
      timestamp: 0,
    }))
    const batch = createBatch('clicks', incoming, 7)
    const [a, b, c] = batch.messages
    a?.ack()
    a?.retry()
    b?.retry({ delaySeconds: 3 })
    b?.ack()
    c?.retry()
    batch.ackAll()
    expect(batch.settlements('retry')).toEqual([
      { lease: 'a', outcome: 'ack' },
      { lease: 'b', outcome: 'retry', delaySeconds: 3 },
      { lease: 'c', outcome: 'retry', delaySeconds: 7 },
      { lease: 'd', outcome: 'ack' },
    ])
  })
})

describe('Secret', () => {
  const secret = new Secret({ get: async () => 'hunter2' }, { binding: 'token', optional: false })
  it('is never printed', async () => {
    expect(await secret.get()).toBe('hunter2')
    expect(
      [inspect(secret, { showHidden: true, depth: 9 }), JSON.stringify({ secret }), String(secret)].join(),
    ).not.toContain('hunter2')
  })

  it('is missing by name, or null where it may be', async () => {
    const none = { get: async () => null }
    await expect(new Secret(none, { binding: 'token', optional: false }).get()).rejects.toMatchObject({
      code: 'NotFound',
      binding: 'token',
    })
    expect(await new Secret<string | null>(none, { binding: 'token', optional: true }).get()).toBeNull()
    await expect(
      new Secret({ get: async () => 'é'.repeat(2049) }, { binding: 'token', optional: false }).get(),
    ).rejects.toMatchObject({
      code: 'LimitExceeded',
    })
  })
})

describe('the codec of binding calls', () => {
  it('gives back what it was given', async () => {
    const values = [
      undefined,
      null,
      Number.NaN,
      -0,
      'é\0',
      [1, undefined],
      { a: new Uint8Array([0, 255]), $: 'bytes' },
      new Map([['k', new Date(5)]]),
      new Uint8Array([1, 2]).buffer,
    ]
    for (const value of values) {
      const wire: unknown = JSON.parse(JSON.stringify(await encodeValue(value)))
      expect(decodeValue(wire)).toEqual(value)
    }
  })
})

it('errors cross as data and keep their code', () => {
  const error = errorFromJSON(
    JSON.parse(
      JSON.stringify(
        new UnmoorError('Throttled', 'slow down', { binding: 'links', details: { retryAfter: 3 } }),
      ),
    ),
  )
  expect(error).toMatchObject({
    code: 'Throttled',
    message: 'slow down',
    binding: 'links',
    retryable: true,
    mayHaveApplied: false,
    details: { retryAfter: 3 },
  })
  expect(encodeError(new RangeError('odd'))).toMatchObject({ code: 'Internal', message: 'RangeError: odd' })
})
