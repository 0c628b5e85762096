import process from 'node:process'
import type { MigrateReport } from '../../../core/adapter.ts'
import { isUnmoorError, type SerializedError } from '../../../core/errors.ts'
import { catchUncaught, type UncaughtOptions } from './events.ts'
import { isClientGone } from './http/client-gone.ts'

/** What the server tells the process that started it, over node's IPC channel. */
export type ParentMessage =
  | { type: 'listening'; url: string; runtime: string }
  | { type: 'migrated'; report: MigrateReport }
  | { type: 'failed'; error: SerializedError }

/** Sends `message` to the parent where there is one that listens. */
export function reportToParent(message: ParentMessage): Promise<void> {
  return new Promise((resolve) => {
    if (process.send === undefined) resolve()
    else process.send(message, () => resolve())
  })
}

/** Ends a failed start: a message that says what to do for what is expected, the stack for what is not. */
export async function reportFailure(error: unknown): Promise<never> {
  if (isUnmoorError(error)) {
    console.error(`error: ${error.message}`)
    await reportToParent({ type: 'failed', error: error.toJSON() })
  } else console.error(error)
  process.exit(1)
}

/** Stops a running server; `exitCode` is the process's where all work finishes in time. */
type Stop = (exitCode: number) => void

/**
 * What errors do that nothing caught: those of an event are logged and end nothing, as on Workers. One of no
 * event (of the start, of a module, of a driver, of our own code) ends the process: before `serving` as a
 * start that failed, after it by a stop that lets what runs finish.
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
 * Stops on SIGTERM, SIGINT, or when the parent that started it with IPC is gone. A second signal quits at
 * once. Returns what begins a stop too.
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
    // Only the listener keeps the channel from ending a process that has nothing else to do.
    process.channel.unref()
  }
  return begin
}
