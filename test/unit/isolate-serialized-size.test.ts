import { serialize } from 'node:v8'
import {
  array,
  assert,
  bigInt,
  boolean,
  constant,
  date,
  dictionary,
  double,
  integer,
  letrec,
  oneof,
  property,
  string,
  tuple,
  uint8Array,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import { serializedSize } from '../../adapters/isolate/guest/serialized-size.ts'

const key = string({ unit: 'binary', maxLength: 20 }).filter((text) => text !== '__proto__')
const { value } = letrec((tie) => ({
  leaf: oneof(
    string({ unit: 'binary', maxLength: 200 }),
    // V8 writes integers of 31 bits as such on every machine; larger ones depend on how it was built. The
    // bitwise operation makes an integer of what V8 may hold as a double.
    integer({ min: -(2 ** 30), max: 2 ** 30 - 1 }).map((number) => number | 0),
    double().filter((number) => !Number.isInteger(number) || Object.is(number, -0)),
    bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
    boolean(),
    constant(null),
    constant(undefined),
    date({ noInvalidDate: true }),
    uint8Array({ maxLength: 300 }).map((bytes) => bytes.slice().buffer),
  ),
  value: oneof(
    { depthSize: 'small' },
    tie('leaf'),
    dictionary(key, tie('value'), { maxKeys: 8, noNullPrototype: true }),
    array(
      key.map((text) => `x${text}`),
      { maxLength: 8 },
    ),
    array(tuple(tie('leaf'), tie('value')), { maxLength: 5 }).map((entries) => new Map(entries)),
    array(tie('leaf'), { maxLength: 5 }).map((items) => new Set(items)),
  ),
}))

describe('the size of a WebSocket attachment in an isolate', () => {
  it('is that of V8’s own serialization, for generated values', () => {
    assert(
      property(value, (given) => {
        expect(serializedSize(given)).toBe(serialize(given).byteLength)
      }),
      { seed: 20_261_203, numRuns: 2000 },
    )
  })

  it('counts an object that occurs twice, or within itself, once', () => {
    const shared = { text: 'x'.repeat(1000) }
    const circle: Record<string, unknown> = { shared, again: shared }
    circle['self'] = circle
    expect(serializedSize(circle)).toBe(serialize(circle).byteLength)
  })

  it('is exact at the limit of 16,384 bytes, for both kinds of text', () => {
    for (const text of ['x'.repeat(16_379), 'x'.repeat(16_380), '€'.repeat(8189), '€'.repeat(8190)])
      expect(serializedSize(text)).toBe(serialize(text).byteLength)
  })
})
