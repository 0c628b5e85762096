/**
 * A portable schedule (five fields, UTC) as EventBridge has it:
 * `cron(minute hour day-of-month month weekday year)`, where of day and weekday one must be `?`. Weekdays go
 * by name in both. EventBridge's `1-5/2` and `2/3` step as ours do.
 */
export function toScheduleExpression(schedule: string): string {
  const [minute = '*', hour = '*', day = '*', month = '*', weekday = '*'] = schedule
    .trim()
    .toUpperCase()
    .split(/\s+/)
  const days = weekday === '*' ? [day, '?'] : ['?', weekdays(weekday)]
  return (
    `cron(${[minute, hour, days[0], month].map((field) => stepped(field as string)).join(' ')} ` +
    `${stepped(days[1] as string)} *)`
  )
}

/**
 * EventBridge writes a step over everything as a step from the first value; it takes both, but only this one
 * in lists.
 */
function stepped(field: string): string {
  return field.includes(',')
    ? field
        .split(',')
        .map((part) => part.replace(/^\*\//, '0/'))
        .join(',')
    : field
}

const NUMBERS: Readonly<Record<string, string>> = {
  SUN: '1',
  MON: '2',
  TUE: '3',
  WED: '4',
  THU: '5',
  FRI: '6',
  SAT: '7',
}

/** `FRIL` and `MON#1` need numbers there, with 1 for Sunday. */
function weekdays(field: string): string {
  return field.replaceAll(/\b([A-Z]{3})(?=L|#)/g, (name) => NUMBERS[name] ?? name)
}
