import { createContext, type OwnedContext } from '../../../core/context.ts'
import { keepEvent } from '../../node-server/runtime/events.ts'
import { LIMITS } from '../../../core/limits.ts'

/** The `ctx` and the deadline of one Lambda event. */
export interface InvocationScope {
  readonly ctx: OwnedContext
  /**
   * Signal for `request.signal`; it aborts shortly before the Lambda event's deadline, so that the app can
   * still answer.
   */
  readonly signal: AbortSignal
  /** Waits for the event's `waitUntil` work, up to 30 s or the deadline, and frees the timer. */
  finish(): Promise<void>
}

/**
 * Milliseconds before a Lambda event's deadline at which its signal aborts: a tenth of the remaining time, at
 * most a second.
 */
function margin(remaining: number): number {
  return Math.min(1000, remaining / 10)
}

/** Creates the scope of one Lambda event. `deadline` is in milliseconds since 1970. */
export function createScope(
  deadline: number,
  requestId: string,
  onError: (error: unknown) => void,
): InvocationScope {
  const remaining = Math.max(0, deadline - Date.now())
  const controller = new AbortController()
  const timer = setTimeout(
    () => {
      controller.abort(
        new DOMException('The Lambda function is about to run into its timeout', 'TimeoutError'),
      )
    },
    remaining - margin(remaining),
  )
  timer.unref()
  const ctx = createContext({ signal: controller.signal, requestId, keep: keepEvent, onError })
  return {
    ctx,
    signal: controller.signal,
    async finish() {
      ctx.ended()
      if (ctx.pending > 0) {
        const left = deadline - Date.now()
        const seconds = Math.min(LIMITS.waitUntil, Math.max(0, left - margin(left)) / 1000)
        if (!(await ctx.settled(seconds)))
          onError(
            new DOMException(
              `waitUntil work was still running after ${seconds.toFixed(1)} s and is given up`,
              'TimeoutError',
            ),
          )
      }
      clearTimeout(timer)
    },
  }
}
