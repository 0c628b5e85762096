/**
 * When crons run, over the years 2026 to 2036, against a calendar that is written out here day by day and
 * shares nothing with the scheduler's library.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextTime } from '../../adapters/node-server/runtime/crons/scheduler.ts'

const DAY = 24 * 60 * 60 * 1000
const FROM = Date.UTC(2026, 0, 1)
const TO = Date.UTC(2037, 0, 1)

/** A day in UTC, and its place among those of its month. */
interface Day {
  start: number
  date: number
  month: number
  /** 0 is Sunday. */
  weekday: number
  /** The last date of its month. */
  last: number
}

const DAYS: readonly Day[] = Array.from({ length: (TO - FROM) / DAY }, (_, index) => {
  const start = FROM + index * DAY
  const at = new Date(start)
  return {
    start,
    date: at.getUTCDate(),
    month: at.getUTCMonth() + 1,
    weekday: at.getUTCDay(),
    last: new Date(Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 0)).getUTCDate(),
  }
})

const working = ({ weekday }: Day): boolean => weekday >= 1 && weekday <= 5
/** True if it is the working day nearest to a date of its month, which it does not leave. */
const nearest = (day: Day, wanted: number): boolean => {
  if (wanted > day.last || !working(day)) return false
  const weekdayOfWanted = (day.weekday + ((wanted - day.date) % 7) + 7) % 7
  const saturday = wanted === 1 ? 2 : -1
  const sunday = wanted === day.last ? -2 : 1
  return day.date === wanted + (weekdayOfWanted === 6 ? saturday : weekdayOfWanted === 0 ? sunday : 0)
}
const nth = (day: Day, weekday: number, number: number): boolean =>
  day.weekday === weekday && Math.ceil(day.date / 7) === number
const last = (day: Day, weekday: number): boolean => day.weekday === weekday && day.date + 7 > day.last

const DATES: readonly (readonly [schedule: string, has: (day: Day) => boolean])[] = [
  ['0 0 L * *', (day) => day.date === day.last],
  ['0 0 L FEB *', (day) => day.month === 2 && day.date === day.last],
  ['0 0 LW * *', (day) => nearest(day, day.last)],
  ['0 0 1W * *', (day) => nearest(day, 1)],
  ['0 0 15W * *', (day) => nearest(day, 15)],
  ['0 0 30W * *', (day) => nearest(day, 30)],
  ['0 0 31W * *', (day) => nearest(day, 31)],
  ['0 0 * * FRI#2', (day) => nth(day, 5, 2)],
  ['0 0 * * SUN#1', (day) => nth(day, 0, 1)],
  ['0 0 * * MON#5', (day) => nth(day, 1, 5)],
  ['0 0 * * FRIL', (day) => last(day, 5)],
  ['0 0 * * SUNL', (day) => last(day, 0)],
  ['0 0 29 2 *', (day) => day.month === 2 && day.date === 29],
  ['0 0 31 * *', (day) => day.date === 31],
  ['0 0 */7 * *', (day) => (day.date - 1) % 7 === 0],
  ['0 0 1-31/2 * *', (day) => day.date % 2 === 1],
  ['0 0 * */5 *', (day) => (day.month - 1) % 5 === 0],
  ['0 0 * * SUN', (day) => day.weekday === 0],
  ['0 0 * * MON', (day) => day.weekday === 1],
  ['0 0 * * SAT', (day) => day.weekday === 6],
  [
    '0 0 * JAN-MAR,DEC MON-WED,FRI',
    (day) => [1, 2, 3, 12].includes(day.month) && [1, 2, 3, 5].includes(day.weekday),
  ],
]

/** Every time of a schedule in the span, each asked for from the one before. */
function times(schedule: string, from: number, to: number): number[] {
  const found: number[] = []
  for (let at = nextTime(schedule, from - 1); at !== undefined && at < to; at = nextTime(schedule, at))
    found.push(at)
  return found
}

// The clocks of the last change by half an hour: what is asked for in local time would show.
describe.each([
  ['UTC', [0, 0]],
  ['Australia/Lord_Howe', [-660, -630]],
] as const)('in the time zone %s', (zone, [january, july]) => {
  const before = process.env['TZ']
  beforeAll(() => void (process.env['TZ'] = zone))
  afterAll(() => {
    if (before === undefined) delete process.env['TZ']
    else process.env['TZ'] = before
  })

  it('is in force', () => {
    expect([new Date(2026, 0, 10), new Date(2026, 6, 10)].map((day) => day.getTimezoneOffset())).toEqual([
      january,
      july,
    ])
  })

  it.each(DATES)('%s', (schedule, has) => {
    const expected = DAYS.filter(has).map(({ start }) => start)
    expect(expected.length).toBeGreaterThan(1)
    expect(times(schedule, FROM, TO)).toEqual(expected)
  })

  // Both changes of the clock, and an end of February in a leap year.
  it.each([
    ['*/7 * * * *', (minute: number) => (minute % 60) % 7 === 0],
    [
      '*/45 */5 * * *',
      (minute: number) => (minute % 60) % 45 === 0 && (Math.floor(minute / 60) % 24) % 5 === 0,
    ],
    ['30 2 * * *', (minute: number) => minute % 1440 === 150],
    [
      '10-50/20 22-23 * * *',
      (minute: number) => [10, 30, 50].includes(minute % 60) && Math.floor(minute / 60) % 24 >= 22,
    ],
  ] as const)('%s, minute by minute', (schedule, has) => {
    for (const from of [
      Date.UTC(2026, 2, 28),
      Date.UTC(2026, 9, 24),
      Date.UTC(2028, 1, 28),
      Date.UTC(2026, 3, 4),
    ]) {
      const minutes = Array.from({ length: (3 * DAY) / 60_000 }, (_, index) => index).filter(has)
      expect(times(schedule, from, from + 3 * DAY)).toEqual(minutes.map((minute) => from + minute * 60_000))
    }
  })
})
