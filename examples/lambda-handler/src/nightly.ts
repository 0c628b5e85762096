import type { ScheduledEvent } from 'aws-lambda'
import type { LambdaContext } from 'unmoor/from-lambda'
import type { Bindings } from './bindings.ts'

/** A scheduled handler in Lambda's old style, with a callback. */
export function nightly(
  event: ScheduledEvent,
  context: LambdaContext<Bindings>,
  callback: (error: Error | null) => void,
): void {
  // oxlint-disable-next-line promise/no-callback-in-promise -- that is what handlers in the old style do
  context.unmoor.env.notes.put('last-night', event.time).then(() => callback(null), callback)
}
