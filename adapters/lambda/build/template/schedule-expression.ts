/**
 * Converts a portable cron schedule (five fields, UTC) to EventBridge's form: `cron(minute hour day-of-month
 * month weekday year)`, where either day or weekday must be `?`. Weekdays are names in both forms.
 * EventBridge's steps `1-5/2` and `2/3` mean the same as ours.
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
 * Writes a step over all values of a cron field (`*` with a step) as a step from the first value. EventBridge
 * accepts both forms, but in lists only the second.
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

/**
 * Replaces weekday names in `FRIL` and `MON#1` of a cron schedule by numbers, which EventBridge requires
 * there, with 1 for Sunday.
 */
function weekdays(field: string): string {
  return field.replaceAll(/\b([A-Z]{3})(?=L|#)/g, (name) => NUMBERS[name] ?? name)
}
