import process from 'node:process'
import type { MigrateReport, RecordedReport } from '../../../core/adapter.ts'
import { isUnmoorError, type SerializedError } from '../../../core/errors.ts'
import { catchUncaught, type UncaughtOptions } from './events.ts'
import { isClientGone } from './http/client-gone.ts'

/** Messages that the server sends to the process that started it, over node's IPC channel. */
export type ParentMessage =
  | { type: 'listening'; url: string; runtime: string }
  | { type: 'migrated'; report: MigrateReport }
  | { type: 'recorded'; report: RecordedReport }
  | { type: 'failed'; error: SerializedError }

/** Sends `message` to the parent process, if there is a parent with an IPC channel. */
export function reportToParent(message: ParentMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve()
    else process.send(message, () => resolve())
  })
}

/**
 * Ends the process after a failed start of the server. An expected failure prints a message that says what to
 * do; any other prints its stack.
 */
export async function reportFailure(error: unknown): Promise<never> {
  if (isUnmoorError(error)) {
    console.error(`error: ${error.message}`)
    await reportToParent({ type: 'failed', error: error.toJSON() })
  } else console.error(error)
  process.exit(1)
}

/** Begins the stop of a running server. The process ends with `exitCode` if all work finishes in time. */
type Stop = (exitCode: number) => void

/**
 * Decides what happens to uncaught errors. An error of an event is logged and ends nothing, as on Workers. An
 * error of no event (in the start, a module, a driver or our own code) ends the process: before `serving` as
 * a failed start, afterwards by a stop that lets running work finish.
 */
export function guardProcess(ignore: UncaughtOptions['ignore'] = () => false): { serving(stop: Stop): void } {
  let stop: Stop | undefined
  catchUncaught({
    ignore: (error, what) => isClientGone(error) || ignore(error, what),
    noEvent(error, what) {
      if (stop === undefined) {
        void reportFailure(error)
        return
      }
      console.error(
        `An ${what} of no request, message or cron. The server finishes what runs and ends:`,
        error,
      )
      stop(1)
    },
  })
  return { serving: (given) => void (stop = given) }
}

/**
 * Stops the server on SIGTERM, on SIGINT, or when the parent that started it with IPC is gone. A second
 * signal quits at once. Returns a function that begins such a stop.
 */
export function stopOnSignals(stop: (seconds: number) => Promise<boolean>, seconds: number): Stop {
  let stopping = false
  const begin: Stop = (exitCode) => {
    if (stopping) return
    stopping = true
    stop(seconds).then(
      (finished) => {
        if (!finished) console.error(`Work was still running after ${seconds} s and was cut off.`)
        process.exit(finished ? exitCode : 1)
      },
      (error: unknown) => {
        console.error('The stop failed:', error)
        process.exit(1)
      },
    )
  }
  const signal = (): void => {
    if (stopping) process.exit(1)
    begin(0)
  }
  process.on('SIGTERM', signal)
  process.on('SIGINT', signal)
  if (process.channel !== undefined && process.channel !== null) {
    process.once('disconnect', signal)
    // `unref` keeps the IPC channel's listener from keeping the process alive.
    process.channel.unref()
  }
  return begin
}
