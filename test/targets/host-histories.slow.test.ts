import { expect, test } from 'vitest'
import { deploysHistory } from '../histories/deploys.ts'
import { ownersHistory } from '../histories/owners.ts'

test('an object that two hosts of a store are asked for counts each request once over a kill and a pause', async () => {
  const report = await ownersHistory({ increments: 600, kills: 1, pauses: 1 })
  expect(report).toEqual({
    acknowledged: expect.any(Number),
    kills: 1,
    pauses: 1,
    twice: [],
    lost: 0,
    odd: [],
  })
}, 900_000)

test('apps with objects lose no request while they are deployed and configured again and again', async () => {
  const report = await deploysHistory(24)
  expect(report).toEqual({
    deploys: expect.any(Number),
    configures: expect.any(Number),
    requests: expect.any(Number),
    failed: [],
    miscounted: [],
  })
  expect(report.deploys + report.configures).toBe(24)
}, 900_000)
