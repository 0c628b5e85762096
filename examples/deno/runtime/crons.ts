import { Cron } from 'croner'
import { createContext, type Runtime } from 'unmoor/runtime'

/** Seconds to wait before each retry of a cron run that threw. */
const RETRY_DELAYS = [60, 120]

/** Fires the app's crons at their scheduled minute, in UTC, in this process alone. */
export function startCrons(runtime: Runtime): { stop(): Promise<void> } {
  const running = new Set<Promise<void>>()
  const stopping = new AbortController()
  const jobs = Object.entries(runtime.app.crons).map(([name, { schedule }]) => {
    let next = new Cron(schedule, {
      paused: true,
      timezone: 'UTC',
      alternativeWeekdays: true,
      mode: '5-part',
    }).nextRun()
    return new Cron(
      schedule,
      { timezone: 'UTC', alternativeWeekdays: true, mode: '5-part' },
      (self: Cron) => {
        const time = next?.getTime() ?? Math.floor(Date.now() / 60_000) * 60_000
        next = self.nextRun()
        const run = runTime(runtime, name, time, stopping.signal).finally(() => running.delete(run))
        running.add(run)
      },
    )
  })
  return {
    async stop() {
      for (const job of jobs) job.stop()
      stopping.abort()
      await Promise.all(running)
    },
  }
}

async function runTime(runtime: Runtime, name: string, time: number, signal: AbortSignal): Promise<void> {
  for (const seconds of [...RETRY_DELAYS, undefined]) {
    const ctx = createContext()
    const { error, retry } = await runtime.cron(name, time, ctx)
    await ctx.settled()
    if (error === undefined || !retry || signal.aborted) return
    if (seconds === undefined)
      return console.error(
        `cron ${name} failed ${RETRY_DELAYS.length + 1} times at ${new Date(time).toISOString()} and was given up.`,
      )
    await sleep(seconds * 1000, signal)
  }
}

function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
