import node from 'node:assert'
import nodeStrict from 'node:assert/strict'
import { describe, expect, test } from 'vitest'
import own from '../../adapters/isolate/guest/node/assert.ts'
import ownStrict from '../../adapters/isolate/guest/node/assert-strict.ts'

const symbol = Symbol('s')
const weak = new WeakMap()

function circle(value: number): object {
  const self: Record<string, unknown> = { value }
  self['self'] = self
  return self
}

/** Values of all kinds; each call makes new objects. */
function values(): unknown[] {
  return [
    0,
    -0,
    1,
    NaN,
    '',
    '1',
    'a',
    true,
    false,
    null,
    undefined,
    1n,
    symbol,
    Symbol('s'),
    weak,
    new WeakMap(),
    new WeakSet(),
    Promise.resolve(1),
    () => 1,
    Object('a'),
    Object('b'),
    Object(1),
    Object(2),
    Object(true),
    Object(false),
    Object(1n),
    Object(symbol),
    new Date(0),
    new Date(1),
    new Date(NaN),
    /a/g,
    /a/i,
    new URL('http://a/b'),
    new URL('http://a/c'),
    [],
    [1, 2],
    [1, '2'],
    [undefined],
    Array.from({ length: 1 }),
    { length: 0 },
    {},
    Object.create(null),
    { a: 1 },
    { a: '1' },
    { a: undefined },
    { b: undefined },
    { [symbol]: 1 },
    { [Symbol('s')]: 1 },
    new Map([[1, { a: 1 }]]),
    new Map([[{ a: 1 }, 1]]),
    new Map([[{ a: 2 }, 1]]),
    new Map([['1', { a: 1 }]]),
    new Set([{ a: 1 }, { a: 1 }]),
    new Set([{ a: 1 }, { a: 2 }]),
    new Set([1, '1']),
    new Set(['1', 1]),
    new Error('a'),
    new TypeError('a'),
    new Error('a', { cause: 1 }),
    new AggregateError([1], 'a'),
    new Uint8Array([1]),
    new Int8Array([1]),
    new Float64Array([0]),
    new Float64Array([-0]),
    Object.assign(new Uint8Array([1]), { own: 1 }),
    new ArrayBuffer(1),
    new ArrayBuffer(2),
    circle(1),
    circle(2),
    { a: { b: [{ c: new Set([new Map([[1, 2]])]) }] } },
  ]
}

const NAMES = [
  ...(['equal', 'notEqual', 'deepEqual', 'notDeepEqual', 'strictEqual', 'notStrictEqual'] as const),
  ...(['deepStrictEqual', 'notDeepStrictEqual'] as const),
]
type Compare = (a: unknown, b: unknown) => void

/** `equal`, or the code of the error, or its name if it has none. */
function outcome(compare: Compare, a: unknown, b: unknown): string {
  try {
    compare(a, b)
    return 'equal'
  } catch (error) {
    const { code, name } = error as { code?: string; name: string }
    return code ?? name
  }
}

describe('node:assert in an isolate', () => {
  for (const [module, ours, theirs] of [
    ['node:assert', own, node],
    ['node:assert/strict', ownStrict, nodeStrict],
  ] as const)
    for (const name of NAMES)
      test(`${name} of ${module} judges as Node's, each value against each`, () => {
        const wrong: string[] = []
        for (const [x, a] of values().entries())
          for (const [y, b] of values().entries()) {
            const [is, wanted] = [ours, theirs].map((assert) => outcome(assert[name], a, b))
            if (is !== wanted) wrong.push(`${x} and ${y}: ${is}, on Node ${wanted}`)
          }
        expect(wrong).toEqual([])
      })
})
