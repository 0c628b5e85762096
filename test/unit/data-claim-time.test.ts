/** How long a data transfer trusts its claim on a store. */
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { StoreClaim } from '../../core/tools/data/claim.ts'
import { Claims } from '../../core/tools/data/claims.ts'
import type { Sink } from '../../core/tools/data/records.ts'

beforeEach(() => void vi.useFakeTimers({ now: 1_000_000 }))
afterEach(() => void vi.useRealTimers())

const own = { id: 'a', host: 'h', since: '2026-01-01' }
/** A sink whose store answers a claim after so many seconds. */
function slowSink(seconds: number): Sink {
  const claim: StoreClaim = {
    take: async () => void vi.setSystemTime(Date.now() + seconds * 1000),
    release: async () => {},
  }
  return { label: 'store', claim: () => claim } as Partial<Sink> as Sink
}

it('a claim whose answer took longer than its lease is no claim: another may have taken it', async () => {
  const claims = await Claims.take(slowSink(121), ['db'], own, 120)
  expect(() => claims.check()).toThrow('could not be renewed for 120 s and has run out')
  await claims.release()
})

it('a claim whose answer came in time holds', async () => {
  const claims = await Claims.take(slowSink(119), ['db'], own, 120)
  expect(() => claims.check()).not.toThrow()
  await claims.release()
})
