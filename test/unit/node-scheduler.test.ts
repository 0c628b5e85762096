import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  nextTime,
  type Scheduler,
  type SchedulerOptions,
  startScheduler,
} from '../../adapters/node-server/runtime/crons/scheduler.ts'

const START = Date.UTC(2026, 0, 1, 0, 0, 30)
const minute = (at: number): number => Date.UTC(2026, 0, 1, 0, at)
let scheduler: Scheduler | undefined

beforeEach(() => {
  vi.useFakeTimers({ now: START })
})
afterEach(async () => {
  await scheduler?.stop()
  vi.useRealTimers()
})

/** A scheduler whose runs are noted; `outcome` decides how each ends. */
function start(
  options: Partial<SchedulerOptions>,
  outcome: (call: number) => Promise<{ retry: boolean }> = async () => ({ retry: false }),
): { calls: [string, number][]; reports: string[] } {
  const calls: [string, number][] = []
  const reports: string[] = []
  scheduler = startScheduler({
    crons: { tick: '* * * * *' },
    run(name, time) {
      calls.push([name, time])
      return outcome(calls.length)
    },
    onError: (message) => reports.push(message),
    ...options,
  })
  return { calls, reports }
}

describe('the scheduler', () => {
  it('fires at the nominal minute, however late the timer', async () => {
    const { calls } = start({})
    await vi.advanceTimersByTimeAsync(30_000 - 1)
    expect(calls).toEqual([])
    await vi.advanceTimersByTimeAsync(60_001)
    expect(calls).toEqual([
      ['tick', minute(1)],
      ['tick', minute(2)],
    ])
  })

  it('waits for times that are further off than a timer goes', async () => {
    const { calls } = start({ crons: { yearly: '0 0 1 3 *' } })
    await vi.advanceTimersByTimeAsync(Date.UTC(2026, 2, 1) - START)
    expect(calls).toEqual([['yearly', Date.UTC(2026, 2, 1)]])
  })

  it('catches up once, with the latest time, after standing still', async () => {
    const { calls } = start({})
    // A suspended machine: the clock jumps, the timers do not.
    vi.setSystemTime(minute(61) + 5000)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(calls).toEqual([
      ['tick', minute(61)],
      ['tick', minute(62)],
    ])
  })

  it('lets runs overlap, or leaves a time out where told to, with a log line', async () => {
    const slow = (): Promise<{ retry: boolean }> =>
      new Promise((resolve) => setTimeout(() => resolve({ retry: false }), 90_000))
    const both = start({}, slow)
    await vi.advanceTimersByTimeAsync(100_000)
    expect(both.calls).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(100_000)
    const stop = scheduler?.stop()
    await vi.advanceTimersByTimeAsync(100_000)
    await stop

    const from = Date.now()
    const one = start({ overlap: 'skip' }, slow)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(one.calls).toHaveLength(1)
    expect(one.reports[0]).toMatch(/^cron tick is still running, so its time .* was left out/)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(one.calls.length).toBe(2)
    expect(one.calls[1]?.[1]).toBeGreaterThan(from)
    const end = scheduler?.stop()
    await vi.advanceTimersByTimeAsync(100_000)
    await end
  })

  it('tries a run that threw again, with the same time, and gives up in the end', async () => {
    const { calls, reports } = start({ crons: { daily: '1 0 * * *' } }, async () => ({ retry: true }))
    await vi.advanceTimersByTimeAsync(30_000)
    expect(calls).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(60_000)
    expect(calls).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(120_000)
    expect(calls).toEqual([
      ['daily', minute(1)],
      ['daily', minute(1)],
      ['daily', minute(1)],
    ])
    expect(reports).toEqual(['cron daily failed 3 times at 2026-01-01T00:01:00.000Z and was given up.'])
    await vi.advanceTimersByTimeAsync(600_000)
    expect(calls).toHaveLength(3)
  })

  it('stops without waiting retries, but waits for what runs', async () => {
    let finish: ((outcome: { retry: boolean }) => void) | undefined
    const { calls } = start({}, () => new Promise((resolve) => (finish = resolve)))
    await vi.advanceTimersByTimeAsync(30_000)
    let stopped = false
    const stop = scheduler?.stop().then(() => (stopped = true))
    await vi.advanceTimersByTimeAsync(120_000)
    expect([calls.length, stopped]).toEqual([1, false])
    finish?.({ retry: true })
    await stop
    await vi.advanceTimersByTimeAsync(600_000)
    expect(calls).toHaveLength(1)
  })

  it.each([
    ['0 3 * * *', '2026-01-01T03:00:00Z'],
    ['*/15 * * * *', '2026-01-01T00:15:00Z'],
    // 2026-01-01 is a Thursday.
    ['0 0 * * MON', '2026-01-05T00:00:00Z'],
    ['0 0 * * SUN', '2026-01-04T00:00:00Z'],
    ['0 0 * * FRI#2', '2026-01-09T00:00:00Z'],
    ['0 0 * * FRIL', '2026-01-30T00:00:00Z'],
    ['0 0 L * *', '2026-01-31T00:00:00Z'],
    ['0 0 LW 2 *', '2026-02-27T00:00:00Z'],
    ['0 0 15W 2 *', '2026-02-16T00:00:00Z'],
    ['0 0 29 2 *', '2028-02-29T00:00:00Z'],
    ['0 0 1 JAN *', '2027-01-01T00:00:00Z'],
  ])('knows the next time of %s', (schedule, expected) => {
    expect(new Date(nextTime(schedule, START) as number).toISOString()).toBe(new Date(expected).toISOString())
  })
})
