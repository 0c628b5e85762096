import { randomUUID } from 'node:crypto'
import type { CronStore } from '../../../../core/runtime/cron-store.ts'

/**
 * Number of claims after which a cron time is given up: each earlier holder died, so the run seems to kill
 * processes.
 */
const MOST_CLAIMS = 10
/** Seconds for which a call to a cron store that does not answer is repeated. */
const STORE_PATIENCE = 3600

/** Options of {@link runCronTime}, which runs one time of a cron. */
export interface CronRunOptions {
  cron: string
  /** The cron's scheduled time in milliseconds since 1970. */
  time: number
  store: CronStore
  /** Seconds after which a cron time's claim runs out if the process that holds it died. */
  leaseSeconds: number
  /** Seconds to wait before each retry of a cron handler that threw. */
  retryDelays: readonly number[]
  /**
   * If true, the cron time is left out while another run of the same cron is at work, in this or another
   * process.
   */
  alone: boolean
  run: (name: string, scheduledTime: number) => Promise<{ retry: boolean }>
  /** Aborts waiting for a cron's claim or retry, but not a running handler. */
  signal: AbortSignal
  report: (what: string) => void
}

/**
 * Runs one time of a cron if this process claims it. The process keeps the lease while the handler works or
 * waits for its retry, then marks the time as done. If another process holds the claim, this one waits until
 * the time is done or the lease runs out. A stop releases the lease. Never rejects.
 */
export async function runCronTime(options: CronRunOptions): Promise<void> {
  const { cron, time, store, leaseSeconds, signal } = options
  const lease = randomUUID()
  if (!(await claim(options, lease))) return
  const beat = setInterval(
    () => {
      // A failure of the cron store does not stop a cron's run; a lease lost to another process is only
      // logged.
      store.extend(cron, time, lease, leaseSeconds).then(
        (held) => {
          if (held) return
          clearInterval(beat)
          options.report(
            `ran over its lease at ${new Date(time).toISOString()}; another process may run that time too`,
          )
        },
        () => {},
      )
    },
    (leaseSeconds * 1000) / 3,
  )
  try {
    const others = options.alone ? await store.open(cron).catch(() => []) : []
    if (others.some(({ scheduledTime, held }) => held && scheduledTime !== time))
      options.report(`is still running, so its time ${new Date(time).toISOString()} was left out`)
    else if (!(await work(options))) {
      clearInterval(beat)
      await store.extend(cron, time, lease, 0).catch(() => {})
      return
    }
    await insist(options, () => store.finish(cron, time), signal.aborted ? 5 : STORE_PATIENCE)
  } finally {
    clearInterval(beat)
  }
}

/** Claims the cron time. Resolves to true if this process has to run it. */
async function claim(options: CronRunOptions, lease: string): Promise<boolean> {
  const { cron, time, store, leaseSeconds, signal } = options
  for (;;) {
    if (signal.aborted) return false
    const answer = await insist(options, () => store.claim(cron, time, lease, leaseSeconds), STORE_PATIENCE)
    if (answer === undefined || answer.state === 'done') return false
    if (answer.state === 'taken') {
      await sleep(answer.seconds * 1000 + 50, signal)
      continue
    }
    if (answer.attempt <= MOST_CLAIMS) return true
    options.report(
      `ended its process ${MOST_CLAIMS} times at ${new Date(time).toISOString()} and was given up`,
    )
    await insist(options, () => store.finish(cron, time), STORE_PATIENCE)
    return false
  }
}

/** Calls the cron's handler, and again after it threw. Resolves to false if a stop came before a retry. */
async function work({ cron, time, run, retryDelays, signal, report }: CronRunOptions): Promise<boolean> {
  for (let failures = 0; ; failures++) {
    try {
      if (!(await run(cron, time)).retry) return true
    } catch (error) {
      report(`failed: ${text(error)}`)
      return true
    }
    const seconds = retryDelays[failures]
    if (seconds === undefined) {
      report(`failed ${failures + 1} times at ${new Date(time).toISOString()} and was given up`)
      return true
    }
    await sleep(seconds * 1000, signal)
    if (signal.aborted) return false
  }
}

/**
 * Repeats a call of the cron store until the store answers. Resolves to undefined after `seconds`, or at a
 * stop.
 */
async function insist<T>(
  { time, signal, report }: CronRunOptions,
  ask: () => Promise<T>,
  seconds: number,
): Promise<T | undefined> {
  const until = Date.now() + seconds * 1000
  for (let failures = 0; ; failures++) {
    try {
      return await ask()
    } catch (error) {
      if (failures === 0)
        report(`waits at ${new Date(time).toISOString()} for the store of its claims: ${text(error)}`)
      const pause = Math.min(30_000, 250 * 2 ** failures) * (0.5 + Math.random() / 2)
      if (Date.now() + pause > until) {
        report(
          `was left as it is at ${new Date(time).toISOString()}: the store of its claims did not answer ` +
            `for ${seconds} s`,
        )
        return undefined
      }
      // During a stop of the server a new claim of a cron time is not worth a wait, but a run that has
      // finished should still be marked as done.
      if (signal.aborted && seconds > 5) return undefined
      await sleep(pause, seconds > 5 ? signal : undefined)
    }
  }
}

/** Waits for `milliseconds`. Resolves early, without an error, when `signal` aborts. */
function sleep(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', end)
      resolve()
    }
    const timer = setTimeout(end, milliseconds)
    signal?.addEventListener('abort', end)
  })
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
