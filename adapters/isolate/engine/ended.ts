import type { Limits } from './limits.ts'

/** Why an isolate ended. */
export type EndCause = 'cpu' | 'memory' | 'startup' | 'timers' | 'waits' | 'closed' | 'crash'

/** The end of an isolate, as the error of what was under way. */
export class IsolateEnded extends Error {
  override readonly name = 'IsolateEnded'
  readonly ended: EndCause
  /** For the log only: what the app threw. The message may go to clients. */
  readonly detail: string

  constructor(ended: EndCause, message: string, detail = '') {
    super(message)
    this.ended = ended
    this.detail = detail
  }
}

/** What isolated-vm says, and this host too, of a script that ran too long. */
export const TIMED_OUT = 'Script execution timed out.'

/** The end of an isolate that was disposed of by isolated-vm. */
export function diedOf(error: unknown): [EndCause, string] {
  const text = error instanceof Error ? error.message : String(error)
  if (text.includes('memory limit')) return ['memory', 'it used more than its limit of memory']
  return ['crash', `it ended: ${text}`]
}

/** Why an app could not be loaded. */
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
