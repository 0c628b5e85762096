import type { MigrateReport } from '../../../core/adapter.ts'
import { isUnmoorError, type SerializedError } from '../../../core/errors.ts'

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

/**
 * Stops on SIGTERM, SIGINT, or when the parent that started it with IPC is gone. A second signal quits at
 * once. What handlers leave unhandled is logged: a rejection as on Workers, where it ends nothing; an
 * exception also stops the server, whose state is unknown then.
 */
export function stopOnSignals(stop: (seconds: number) => Promise<boolean>, seconds: number): void {
  let stopping = false
  const begin = (exitCode: number): void => {
    if (stopping) process.exit(1)
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
  process.on('SIGTERM', () => begin(0))
  process.on('SIGINT', () => begin(0))
  if (process.channel !== undefined && process.channel !== null) {
    process.once('disconnect', () => begin(0))
    // Only the listener keeps the channel from ending a process that has nothing else to do.
    process.channel.unref()
  }
  process.on('unhandledRejection', (error) => console.error('Unhandled rejection:', error))
  process.on('uncaughtException', (error) => {
    console.error('Uncaught exception, the server stops:', error)
    if (!stopping) begin(1)
  })
}
