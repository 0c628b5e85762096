import { UnmoorError } from '../../../core/errors.ts'

/** A run of a cron that a Lambda event asks for. */
export interface ScheduleCall {
  readonly cron: string
  /** Scheduled time of the cron in milliseconds since 1970. */
  readonly scheduledTime: number
}

/** The fields that are read of our own schedule input and of EventBridge's `Scheduled Event`. */
export interface ScheduleEvent {
  readonly unmoor?: { readonly cron?: unknown }
  readonly time?: unknown
  readonly 'detail-type'?: unknown
  readonly resources?: unknown
}

/** True if the Lambda event comes from an EventBridge schedule or rule. */
export function isScheduleEvent(event: unknown): event is ScheduleEvent {
  if (typeof event !== 'object' || event === null) return false
  const { unmoor, 'detail-type': detailType } = event as ScheduleEvent
  return typeof unmoor?.cron === 'string' || detailType === 'Scheduled Event'
}

/**
 * The cron that a schedule's event names. Two forms:
 * - `{ "unmoor": { "cron": "cleanup" }, "time": "2026-11-23T03:00:00Z" }`, the input that our rules and
 *   schedules have. Without a time (a constant input), this minute is meant.
 * - EventBridge's own `Scheduled Event`: the rule's name is the cron's, or ends with `-` and the cron's.
 *
 * @throws `NotFound` that names the cron or rule which the app does not have.
 */
export function toScheduleCall(event: ScheduleEvent, crons: readonly string[], now: number): ScheduleCall {
  const scheduledTime =
    event.time === undefined
      ? Math.floor(now / 60_000) * 60_000
      : typeof event.time === 'string'
        ? Date.parse(event.time)
        : NaN
  if (Number.isNaN(scheduledTime))
    throw new UnmoorError(
      'InvalidArgument',
      `The schedule's time is no ISO 8601 time: ${JSON.stringify(event.time)}.`,
      { operation: 'cron' },
    )
  if (typeof event.unmoor?.cron === 'string') {
    const { cron } = event.unmoor
    if (!crons.includes(cron)) throw notFound(`cron "${cron}"`, crons)
    return { cron, scheduledTime }
  }
  const rules = Array.isArray(event.resources) ? event.resources.map((arn) => ruleName(String(arn))) : []
  for (const rule of rules) {
    // The longest matching cron name wins: with crons "cleanup" and "weekly-cleanup", the rule
    // "links-weekly-cleanup" belongs to the second.
    const found = crons
      .filter((cron) => rule === cron || rule.endsWith(`-${cron}`))
      .toSorted((a, b) => b.length - a.length)[0]
    if (found !== undefined) return { cron: found, scheduledTime }
  }
  throw notFound(
    `cron for the rule ${rules.map((rule) => `"${rule}"`).join(', ') || '(the event names none)'}`,
    crons,
  )
}

/**
 * Returns the name of an EventBridge rule: `name` for `arn:aws:events:eu-west-1:123456789012:rule/bus/name`.
 */
function ruleName(arn: string): string {
  return arn.slice(arn.lastIndexOf('/') + 1)
}

function notFound(what: string, crons: readonly string[]): UnmoorError {
  return new UnmoorError('NotFound', `This app has no ${what}. It has: ${crons.join(', ') || 'none'}.`, {
    operation: 'cron',
  })
}
