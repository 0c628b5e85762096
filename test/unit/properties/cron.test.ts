/** Schedules of crons against a calendar of its own, minute by minute. */
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { toScheduleExpression } from '../../../adapters/lambda/build/template/schedule-expression.ts'
import { nextTime } from '../../../adapters/node-server/runtime/crons/scheduler.ts'
import { checkSchedule } from '../../../core/cron.ts'
import { isUnmoorError } from '../../../core/errors.ts'
import { attempt, holds, textOf } from './holds.ts'

const MINUTE = 60_000
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const WEEKDAYS = ['SUN', 'MON', 'TUE', 'WED', 'THU', 'FRI', 'SAT']

/** A field as text, and the values that it has. */
interface Field {
  text: string
  values: ReadonlySet<number>
}

const range = (from: number, to: number, step = 1): number[] =>
  Array.from({ length: Math.floor((to - from) / step) + 1 }, (_, index) => from + index * step)

/** A field of numbers or names: `*`, values, ranges, steps and lists. */
function field(min: number, max: number, names?: readonly string[]): fc.Arbitrary<Field> {
  const one = fc.integer({ min, max })
  const written = (value: number, named: boolean): string =>
    named && names !== undefined ? (names[value - (names === MONTHS ? 1 : 0)] as string) : String(value)
  const isNamed = names === WEEKDAYS ? fc.constant(true) : fc.boolean()
  const part = fc.oneof(
    fc.tuple(one, isNamed).map(([value, named]): [string, number[]] => [written(value, named), [value]]),
    fc.tuple(one, one, fc.integer({ min: 0, max: 7 }), isNamed).map(([a, b, step, named]): [string, number[]] => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)]
      return [`${written(from, named)}-${written(to, named)}${step > 0 ? `/${step}` : ''}`, range(from, to, step || 1)]
    }),
    fc.integer({ min: 1, max: names?.length ?? max - min + 1 }).map((step): [string, number[]] => [`*/${step}`, range(min, max, step)]),
  ) // prettier-ignore
  return fc.oneof(
    fc.constant<Field>({ text: '*', values: new Set(range(min, max)) }),
    fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => ({
      text: parts.map(([text]) => text).join(','),
      values: new Set(parts.flatMap(([, values]) => values)),
    })),
  )
}

const every = (min: number, max: number): fc.Arbitrary<Field> =>
  fc.constant({ text: '*', values: new Set(range(min, max)) })
const schedule = fc
  .tuple(field(0, 59), field(0, 23), field(1, 12, MONTHS))
  .chain(([minute, hour, month]) =>
    fc
      .oneof(fc.tuple(field(1, 31), every(0, 6)), fc.tuple(every(1, 31), field(0, 6, WEEKDAYS)))
      .map(([day, weekday]) => ({ minute, hour, day, month, weekday })),
  )
type Schedule = typeof schedule extends fc.Arbitrary<infer Value> ? Value : never

const textOfSchedule = ({ minute, hour, day, month, weekday }: Schedule): string =>
  [minute, hour, day, month, weekday].map(({ text }) => text).join(' ')

/** The first minute after `after` that the schedule has, within `days`. */
function next({ minute, hour, day, month, weekday }: Schedule, after: number, days: number): number | undefined {
  const start = Math.floor(after / MINUTE) * MINUTE + MINUTE
  for (let time = start; time < after + days * 86_400_000;) {
    const at = new Date(time)
    const isDay = month.values.has(at.getUTCMonth() + 1) && day.values.has(at.getUTCDate()) && weekday.values.has(at.getUTCDay())
    if (!isDay) time = Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate() + 1)
    else if (hour.values.has(at.getUTCHours()) && minute.values.has(at.getUTCMinutes())) return time
    else time += MINUTE
  }
  return undefined
} // prettier-ignore

const after = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2040, 0, 1) })

describe('schedules', () => {
  it('the next time of a schedule is the next minute that it names', () => {
    holds(fc.tuple(schedule, after), ([given, from]) => {
      const text = textOfSchedule(given)
      checkSchedule('job', text)
      const expected = next(given, from, 366 * 9)
      const found = nextTime(text, from)
      // 29 February returns within eight years but for centuries; a day that never comes has no time.
      if (expected === undefined) expect(found).toBeUndefined()
      else expect(found).toBe(expected)
    }, { runs: 300 }) // prettier-ignore
  })

  it.each(['*/61 * * * *', '* */25 * * *', '* * */32 * *', '* * * */13 *', '* * * * */8', '0-59/61 * * * *'])(
    'the schedule %s, whose step is longer than its field, is refused before it runs',
    (text) => expect(() => checkSchedule('job', text)).toThrow('is longer than the'),
  )

  it('a schedule that passes the check has a next time or none, and names its days for EventBridge', () => {
    const text = textOf(
      ['*', '/', '-', ',', '1', '5', '31', '60', ' ', 'L', 'W', '#', 'MON', 'JAN', '0', '?'],
      4,
    )
    const field5 = fc.oneof({ weight: 2, arbitrary: fc.constant('*') }, text)
    const any = fc.array(field5, { minLength: 5, maxLength: 5 }).map((fields) => fields.join(' '))
    holds(fc.tuple(fc.oneof(any, text), after), ([given, from]) => {
      const refused = attempt(() => checkSchedule('job', given))
      if (refused instanceof Error) {
        expect(isUnmoorError(refused, 'InvalidArgument')).toBe(true)
        return
      }
      const found = nextTime(given, from)
      if (found === undefined) return
      expect(found).toBeGreaterThan(from)
      expect(found % MINUTE).toBe(0)
      expect(toScheduleExpression(given)).toMatch(/^cron\(\S+ \S+ (\S+ \S+ \?|\? \S+ \S+) \*\)$/)
    }, { runs: 2000 }) // prettier-ignore
  })
})
