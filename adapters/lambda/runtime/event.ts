import { UnmoorError } from '../../../core/errors.ts'
import { readHttpEvent, type HttpCall, type HttpEventOptions } from './http-event.ts'
import { describeRefused } from './refused-events.ts'
import { isScheduleEvent, type ScheduleEvent } from './schedule-event.ts'
import { isSqsEvent, type SqsEvent } from './sqs-event.ts'

/** A parsed Lambda event: an HTTP request, a batch of a queue or a scheduled run. */
export type LambdaEvent =
  | HttpCall
  | { readonly source: 'sqs'; readonly batch: SqsEvent }
  | { readonly source: 'schedule'; readonly schedule: ScheduleEvent }

/**
 * Parses a Lambda event of any source that apps accept.
 *
 * @throws `Unsupported` for every other event, naming its kind; `InvalidArgument` for an HTTP event that
 * cannot become a request.
 */
export function readEvent(event: unknown, options: HttpEventOptions): LambdaEvent {
  const call = readHttpEvent(event, options)
  if (call !== undefined) return call
  if (isSqsEvent(event)) return { source: 'sqs', batch: event }
  if (isScheduleEvent(event)) return { source: 'schedule', schedule: event }
  throw new UnmoorError('Unsupported', `This app cannot take this event: it is ${describeRefused(event)}`, {
    operation: 'lambda',
  })
}
