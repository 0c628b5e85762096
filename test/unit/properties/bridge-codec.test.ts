/** The bridge between an isolate and the engine: what crosses it is what was sent, and nothing breaks it. */
import { deepStrictEqual } from 'node:assert/strict'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { connect } from '../../../adapters/isolate/guest/web/bridge/bridge.ts'
import { installLink } from '../../../adapters/isolate/guest/web/link.ts'
import {
  type ArgumentContext,
  decodeArgument,
  encodeResult,
  pairs,
} from '../../../adapters/isolate/services/codec.ts'
import { StreamTable } from '../../../adapters/isolate/services/streams.ts'
import { createSyncCalls } from '../../../adapters/isolate/services/sync-calls.ts'
import { isUnmoorError } from '../../../core/errors.ts'
import { attempt, holds, holdsAsync } from './holds.ts'

connect({ post() {}, say() {}, call: createSyncCalls() })
installLink()
const { decodeResult, encodeArgument } = await import('../../../adapters/isolate/guest/codec.ts')

const where = { binding: 'files', operation: 'put' }
const streams = new StreamTable(() => {})
const context: ArgumentContext = { ...where, streams, signal: () => new AbortController().signal }

const key = fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('$', '__proto__', 'value', 'id', 'body'))
const plain = fc.anything({ withDate: true, withBigInt: true, withNullPrototype: false, key, maxDepth: 4 })
const bytes = fc.uint8Array({ maxLength: 30 }).map((array) => new Uint8Array(array))
const argument = fc.oneof(
  plain,
  bytes,
  fc.tuple(plain, bytes),
  fc.array(fc.tuple(key, plain), { maxLength: 3 }).map((entries) => new Map(entries)),
  fc.array(plain, { maxLength: 3 }).map((items) => new Set(items)),
)

describe('values of a binding call', () => {
  it('an argument arrives as the guest passed it', () => {
    holds(argument, (value) => {
      const crossed = structuredClone(encodeArgument(value, where))
      deepStrictEqual(decodeArgument(crossed, context), value)
    })
  })

  it('a result arrives as the driver returned it', async () => {
    const result = fc.oneof(plain, bytes, fc.array(plain, { maxLength: 4 }))
    await holdsAsync(result, async (value) => {
      const crossed: unknown = structuredClone(await encodeResult(value, streams))
      deepStrictEqual(decodeResult(crossed), value)
    })
  })

  it('an argument that is nested too deep is refused, and never overflows the stack', () => {
    holds(fc.integer({ min: 0, max: 20_000 }), (depth) => {
      let value: unknown = 'a'
      for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value }
      const crossed = attempt(() => encodeArgument(value, where))
      expect(isUnmoorError(crossed, 'InvalidArgument')).toBe(depth > 201)
    }, { runs: 40 }) // prettier-ignore
  })

  it('whatever a guest sends is an argument or an error', () => {
    const tagged = fc.record({
      $: fc.oneof(
        fc.constantFrom('stream', 'file', 'signal', 'request', 'response', 'map', 'set', 'object', 'x', '__proto__'),
        fc.anything(),
      ),
      value: plain,
      id: plain,
      bytes: plain,
      type: plain,
      method: plain,
      url: fc.oneof(plain, fc.webUrl()),
      headers: fc.oneof(plain, fc.array(fc.string())),
      status: plain,
      statusText: plain,
      body: plain,
    }, { requiredKeys: ['$'] }) // prettier-ignore
    holds(fc.oneof(tagged, fc.array(tagged, { maxLength: 2 }), plain), (data) => {
      const crossed: unknown = structuredClone(data)
      const decoded = attempt(() => decodeArgument(crossed, context))
      if (decoded instanceof Error) expect(decoded.message).not.toBe('')
      expect(pairs(crossed).every(([name, value]) => typeof name === 'string' && typeof value === 'string')).toBe(true)
    }, { runs: 400 }) // prettier-ignore
  })
})
