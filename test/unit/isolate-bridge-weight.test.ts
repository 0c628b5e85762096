import { expect, test } from 'vitest'
import { weightOf } from '../../adapters/isolate/engine/bridge.ts'

test('whatever an isolate tells as the weight of its messages is a finite number, and not below 0', () => {
  const told = [0, 1, 5.5, 2 ** 30, 1e308, Infinity, -1, -Infinity, NaN, '5', {}, null, undefined, 5n]
  expect(told.map(weightOf)).toEqual([0, 1, 5.5, 2 ** 30, 2 ** 30, 2 ** 30, 0, 0, 0, 0, 0, 0, 0, 0])
})
