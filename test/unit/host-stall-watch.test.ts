/** The watch of processes that report nothing, by a supervisor whose own looks come late. */
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { StallWatch } from '../../adapters/isolate/host/supervisor/stall-watch.ts'

/** Takes the supervisor's only thread, as a machine without a free core does. */
function block(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until;);
}

describe('a process that reports nothing', () => {
  it('is found by a supervisor each of whose looks is late', async () => {
    const watch = new StallWatch(() => undefined)
    const stalls: boolean[] = []
    watch.start(1, (wasAtWork) => stalls.push(wasAtWork))
    try {
      // Each round is one late look. It counts as 250 ms, and the report is due after the first second.
      for (let round = 0; round < 10 && stalls.length === 0; round++) {
        block(600)
        await sleep(0)
      }
      expect(stalls).toEqual([false])
    } finally {
      watch.stop()
    }
  })
})

describe('with a clock of the test', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('a process is stalled once its report is late by the limit, and once only', () => {
    const watch = new StallWatch(() => undefined)
    const onStall = vi.fn<(wasAtWork: boolean) => void>()
    watch.start(2, onStall)
    vi.advanceTimersByTime(2750)
    expect(onStall).not.toHaveBeenCalled()
    vi.advanceTimersByTime(250)
    expect(onStall).toHaveBeenCalledOnce()
    vi.advanceTimersByTime(60_000)
    expect(onStall).toHaveBeenCalledOnce()
  })

  it('a report begins anew, however late it was', () => {
    const watch = new StallWatch(() => undefined)
    const onStall = vi.fn<(wasAtWork: boolean) => void>()
    watch.start(2, onStall)
    for (let round = 0; round < 20; round++) {
      vi.advanceTimersByTime(2900)
      watch.heard()
    }
    expect(onStall).not.toHaveBeenCalled()
    vi.advanceTimersByTime(3500)
    expect(onStall).toHaveBeenCalledOnce()
  })

  it('that is not watched any more is not found', () => {
    const watch = new StallWatch(() => undefined)
    const onStall = vi.fn<(wasAtWork: boolean) => void>()
    watch.start(2, onStall)
    vi.advanceTimersByTime(2000)
    watch.stop()
    vi.advanceTimersByTime(60_000)
    expect(onStall).not.toHaveBeenCalled()
  })
})
