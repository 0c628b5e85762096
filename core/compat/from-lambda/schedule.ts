import { invalidArgument } from '../../errors.ts'

/** Creates EventBridge's `Scheduled Event` of a rule, like `ScheduledEvent` of `aws-lambda`. */
export function toScheduledEvent(rule: string, scheduledTime: number): object {
  return {
    version: '0',
    id: crypto.randomUUID(),
    'detail-type': 'Scheduled Event',
    source: 'aws.events',
    account: '000000000000',
    // EventBridge reports times without fractions of a second.
    time: new Date(scheduledTime).toISOString().replace(/\.\d+Z$/, 'Z'),
    region: 'us-east-1',
    resources: [`arn:aws:events:us-east-1:000000000000:rule/${rule}`],
    detail: {},
  }
}

const DAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

/**
 * Converts the schedule of a Lambda handler to the portable form (five fields, UTC). EventBridge's
 * `cron(...)` and `rate(...)` are translated, anything else is returned unchanged.
 *
 * @throws `InvalidArgument` for schedules that five fields cannot express: years, and rates that do not
 * divide an hour or a day.
 */
export function toSchedule(name: string, expression: string): string {
  const [, kind, inner = ''] = /^\s*(cron|rate)\((.*)\)\s*$/.exec(expression) ?? []
  if (kind === undefined) return expression
  const refuse = (why: string): Error =>
    invalidArgument(
      { operation: 'fromLambda' },
      `crons.${name}: ${expression} ${why}. Write a schedule of five fields.`,
    )
  if (kind === 'rate') return rate(inner.trim(), refuse)
  const fields = inner.trim().split(/\s+/)
  const [minute, hour, day, month, weekday, year = '*'] = fields
  if (
    minute === undefined ||
    hour === undefined ||
    day === undefined ||
    month === undefined ||
    weekday === undefined ||
    fields.length > 6
  )
    throw refuse('has not the six fields of EventBridge')
  if (year !== '*') throw refuse('names a year, which five fields cannot')
  // In EventBridge's field of weekdays 1 is Sunday; digits after `/` (a step) or `#` (a week) are no
  // weekdays.
  const named = weekday.replaceAll(/(?<![#/\d])[1-7](?!\d)/g, (number) => DAYS[Number(number) - 1] as string)
  return [minute, hour, day === '?' ? '*' : day, month, named === '?' ? '*' : named].join(' ')
}

function rate(text: string, refuse: (why: string) => Error): string {
  const [, digits = '', unit] = /^(\d+) (minute|hour|day)s?$/.exec(text) ?? []
  const count = Number(digits)
  if (unit === 'minute' && count > 0 && 60 % count === 0)
    return count === 60 ? '0 * * * *' : count === 1 ? '* * * * *' : `*/${count} * * * *`
  if (unit === 'hour' && count > 0 && 24 % count === 0)
    return count === 24 ? '0 0 * * *' : count === 1 ? '0 * * * *' : `0 */${count} * * *`
  if (unit === 'day' && count === 1) return '0 0 * * *'
  throw refuse('is no rate that divides an hour or a day')
}
