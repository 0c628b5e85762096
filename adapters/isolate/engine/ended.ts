import type { Limits } from './limits.ts'

/** Why an isolate ended. */
export type EndCause = 'cpu' | 'memory' | 'startup' | 'timers' | 'waits' | 'closed' | 'crash'

/** Error of every event that was under way in an isolate when the isolate ended. */
export class IsolateEnded extends Error {
  override readonly name = 'IsolateEnded'
  readonly ended: EndCause
  /** Text of the error that the app threw, for the log only; the message may go to clients. */
  readonly detail: string

  constructor(ended: EndCause, message: string, detail = '') {
    super(message)
    this.ended = ended
    this.detail = detail
  }
}

/** Message of isolated-vm's error, and of unmoor's, for a script that ran too long. */
export const TIMED_OUT = 'Script execution timed out.'

/** Returns the cause and the message of the end of an isolate that isolated-vm disposed of. */
export function diedOf(error: unknown): [EndCause, string] {
  const text = error instanceof Error ? error.message : String(error)
  if (text.includes('memory limit')) return ['memory', 'it used more than its limit of memory']
  return ['crash', `it ended: ${text}`]
}

/** Returns the error of an app that could not be loaded; `memory` is true if it ran out of memory. */
export function startError(error: unknown, limits: Limits, memory: boolean): IsolateEnded {
  if (error instanceof IsolateEnded) return error
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  if (memory)
    return new IsolateEnded(
      'memory',
      `loading the app took more than its limit of ${limits.memoryMb} MB of memory`,
    )
  if (text.includes(TIMED_OUT))
    return new IsolateEnded('startup', `loading the app took more than its limit of ${limits.startupMs} ms`)
  return new IsolateEnded('startup', 'the app threw while it was loaded', text)
}
