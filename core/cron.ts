import { invalidArgument } from './errors.ts'

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

interface Field {
  name: string
  min: number
  max: number
  names?: readonly string[]
}

const FIELDS: readonly Field[] = [
  { name: 'minute', min: 0, max: 59 },
  { name: 'hour', min: 0, max: 23 },
  { name: 'day of the month', min: 1, max: 31 },
  { name: 'month', min: 1, max: 12, names: MONTHS },
  { name: 'weekday', min: 1, max: 0, names: WEEKDAYS },
]

/**
 * Checks the schedule of a cron against the portable form: five fields in UTC, weekdays by name (numbers mean
 * different days on different platforms), never both a day of the month and a weekday (platforms disagree
 * whether that is AND or OR).
 *
 * @throws `InvalidArgument` naming the cron, the field and what to write instead.
 */
export function checkSchedule(name: string, schedule: string): void {
  const refuse = (why: string): never => {
    throw invalidArgument({ operation: 'defineApp' }, `crons.${name}: schedule "${schedule}": ${why}`)
  }
  if (typeof schedule !== 'string') return refuse('a schedule is a string such as "0 3 * * *".')
  const fields = schedule.trim().split(/\s+/)
  if (fields.length !== 5)
    return refuse(`it has ${fields.length} fields, not 5 (minute hour day-of-month month weekday).`)
  fields.forEach((text, index) => checkField(FIELDS[index] as Field, text, refuse))
  const [, , day, , weekday] = fields
  if (day !== '*' && weekday !== '*')
    return refuse(
      'a day of the month together with a weekday means different things on different platforms. Use ' +
        'two crons.',
    )
}

function checkField(field: Field, text: string, refuse: (why: string) => never): void {
  if (field.name === 'day of the month' && /^(L|LW|([1-9]|[12]\d|3[01])W)$/i.test(text)) return
  for (const part of text.split(',')) {
    if (field.name === 'weekday' && /^(SUN|MON|TUE|WED|THU|FRI|SAT)(L|#[1-5])$/i.test(part)) continue
    const match = /^(?:\*|([A-Za-z0-9]+)(?:-([A-Za-z0-9]+))?)(?:\/(\d+))?$/.exec(part)
    if (match === null)
      return refuse(`the ${field.name} "${part}" is not a number, a range, a list, a step or *.`)
    const [, from, to, step] = match
    const first = from === undefined ? undefined : fieldValue(field, from, refuse)
    const last = to === undefined ? undefined : fieldValue(field, to, refuse)
    if (first !== undefined && last !== undefined && first > last)
      return refuse(`the ${field.name} range "${part}" runs backwards.`)
    if (step !== undefined && Number(step) < 1)
      return refuse(`the ${field.name} step "${part}" must be at least 1.`)
    const count = field.names?.length ?? field.max - field.min + 1
    if (step !== undefined && Number(step) > count)
      return refuse(`the ${field.name} step "${part}" is longer than the ${count} values that there are.`)
    if (step !== undefined && from !== undefined && to === undefined)
      return refuse(
        `the ${field.name} "${part}" steps from one value. Write a range, such as ` +
          `${from}-${field.names?.at(-1) ?? field.max}/${step}.`,
      )
  }
}

function fieldValue(field: Field, text: string, refuse: (why: string) => never): number {
  const named = field.names?.indexOf(text.toUpperCase()) ?? -1
  if (named >= 0) return named + (field.name === 'month' ? 1 : 0)
  if (field.name === 'weekday')
    return refuse(
      `weekdays go by name (SUN, MON, ... SAT), not "${text}": numbers mean different days on different ` +
        'platforms.',
    )
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < field.min || value > field.max)
    return refuse(`the ${field.name} "${text}" is not from ${field.min} to ${field.max}.`)
  return value
}
