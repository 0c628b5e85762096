import { equal, eventually, ok, sleep, throwsCode } from '../assert.ts'
import { wireCases, type WireTools } from '../case.ts'
import { defineApp } from '../../../app.ts'
import { cronKey } from '../fixture/crons.ts'

/** Returns a random scheduled time for a cron, which no other run of the suite uses. */
function someTime(): number {
  return Date.UTC(2030, 0, 1, 3) + Math.floor(Math.random() * 1e7) * 60_000
}

/** Returns the notes that a cron's runs for a scheduled time made, once there are at least `count`. */
async function runs({ notes }: WireTools, name: string, time: number, count = 1): Promise<string[]> {
  let found: string[] = []
  await eventually(async () => {
    found = await notes(cronKey(name, time))
    ok(found.length >= count, `${found.length} notes of cron ${name}, not ${count}`)
  })
  return found
}

export const cronWireCases = wireCases('cron', [
  {
    id: 'cron-01',
    contract: 'A cron gets its name, its schedule as declared, the nominal time and the type "scheduled".',
    async run(tools) {
      const time = someTime()
      await tools.runCron('yearly', time)
      const [first] = await runs(tools, 'yearly', time)
      equal(
        JSON.parse(first ?? ''),
        { name: 'yearly', cron: '0 3 1 1 *', scheduledTime: time, type: 'scheduled' },
        'event',
      )
    },
  },
  {
    id: 'cron-02',
    contract: 'A schedule with names of weekdays and months is handed over as declared.',
    async run(tools) {
      const time = someTime()
      await tools.runCron('named', time)
      const [first] = await runs(tools, 'named', time)
      equal((JSON.parse(first ?? '') as { cron: string }).cron, '5 4 * JAN MON-WED', 'cron')
    },
  },
  {
    id: 'cron-03',
    contract: 'Of two crons with one schedule each runs under its own name.',
    async run(tools) {
      const time = someTime()
      await tools.runCron('twin', time)
      const [first] = await runs(tools, 'twin', time)
      equal((JSON.parse(first ?? '') as { name: string }).name, 'twin', 'name')
    },
  },
  {
    id: 'cron-04',
    contract: 'A cron that throws has run, and the target goes on.',
    async run(tools) {
      const time = someTime()
      await tools.runCron('failing', time).catch(() => {})
      await runs(tools, 'failing', time)
      equal((await tools.fetch('/after')).status, 200, 'the next request')
      await tools.runCron('yearly', time)
      await runs(tools, 'yearly', time)
    },
  },
  {
    id: 'cron-05',
    contract: 'After noRetry() a throw is not run again.',
    async run(tools) {
      const time = someTime()
      await tools.runCron('stubborn', time).catch(() => {})
      await runs(tools, 'stubborn', time)
      await sleep(1500)
      equal((await tools.notes(cronKey('stubborn', time))).length, 1, 'runs')
    },
  },
  {
    id: 'cron-06',
    contract: 'waitUntil work of a cron is done.',
    async run(tools) {
      const time = someTime()
      await tools.runCron('lingering', time)
      equal((await runs(tools, 'lingering', time, 2))[1], 'late', 'note')
    },
  },
  {
    id: 'cron-30',
    contract: 'What a timer of a cron throws changes no outcome: the run is done, once.',
    async run(tools) {
      const time = someTime()
      await tools.runCron('stray', time)
      await runs(tools, 'stray', time)
      equal((await tools.fetch('/after')).status, 200, 'the next request')
    },
  },
  {
    id: 'cron-07',
    contract: 'A time that comes twice has the same scheduledTime, so that an app can tell.',
    async run(tools) {
      const time = someTime()
      await tools.runCron('yearly', time)
      await tools.runCron('yearly', time)
      const found = await runs(tools, 'yearly', time)
      equal(new Set(found).size, 1, 'different events')
    },
  },
  {
    id: 'cron-08',
    contract:
      'The manifest has every cron with its schedule as declared; one that is not there cannot be fired.',
    async run(tools) {
      equal(
        Object.keys(tools.manifest.crons).toSorted(),
        [
          'failing',
          // The cron `greet` exists only in the fixture app with sockets.
          ...(tools.capabilities.sockets ? ['greet'] : []),
          'lingering',
          'named',
          'stray',
          'stubborn',
          'twin',
          'yearly',
        ],
        'crons',
      )
      equal(tools.manifest.crons['named'], '5 4 * JAN MON-WED', 'schedule')
      const outcome = await tools.runCron('no such cron', someTime()).then(
        () => 'fired',
        () => 'refused',
      )
      equal(outcome, 'refused', 'outcome')
    },
  },
])

function declare(...schedules: string[]): () => unknown {
  const crons = Object.fromEntries(
    schedules.map((schedule, index) => [`c${index}`, { schedule, run: () => {} }]),
  )
  return () => defineApp({ crons })
}

/**
 * Cases about cron declarations. They check the build, since artifacts omit the checks that the build has
 * run.
 */
export const cronDeclarationCases = wireCases('cron', [
  {
    id: 'cron-11',
    contract: 'Five fields with numbers, ranges, lists, steps and names are accepted.',
    async run() {
      declare(
        '* * * * *',
        '*/5 0-23/2 * * *',
        '0,30 9 * * MON,WED-FRI',
        '0 0 29 FEB *',
        '0 0 L * *',
        '0 0 LW * *',
        '0 0 15W * *',
        '0 0 * * FRI#2',
        '0 0 * * FRIL',
        '59 23 31 12 *',
        '  0  3 * * sun ',
      )()
    },
  },
  {
    id: 'cron-12',
    contract: 'Weekdays by number are InvalidArgument: they mean different days on different platforms.',
    async run() {
      for (const schedule of ['0 0 * * 0', '0 0 * * 1', '0 0 * * 7', '0 0 * * 1-5', '0 0 * * MON,2'])
        await throwsCode('InvalidArgument', declare(schedule))
    },
  },
  {
    id: 'cron-13',
    contract:
      'A day of the month together with a weekday is InvalidArgument: platforms disagree about what it ' +
      'means.',
    async run() {
      for (const schedule of ['0 0 1 * MON', '0 0 */2 * MON-FRI', '0 0 L * SUN'])
        await throwsCode('InvalidArgument', declare(schedule))
    },
  },
  {
    id: 'cron-14',
    contract: 'Other malformed schedules are InvalidArgument, by name.',
    async run() {
      for (const schedule of [
        '',
        '* * * *',
        '* * * * * *',
        '60 * * * *',
        '* 24 * * *',
        '* * 0 * *',
        '* * 32 * *',
        '* * * 13 *',
        '* * * FOO *',
        '*/0 * * * *',
        '5-1 * * * *',
        '@daily',
        '0 0 ? * MON',
        '-1 * * * *',
        '1.5 * * * *',
      ]) {
        const error = await throwsCode('InvalidArgument', declare(schedule))
        ok(error.message.includes('crons.c0'), `the message names the cron: ${error.message}`)
      }
    },
  },
  {
    id: 'cron-15',
    contract: 'More than 100 crons are refused.',
    async run() {
      const many = (count: number): string[] =>
        Array.from({ length: count }, (_, index) => `${index % 60} ${Math.floor(index / 60)} * * *`)
      declare(...many(100))()
      const error = await throwsCode('InvalidArgument', declare(...many(101)))
      ok(error.message.includes('100'), error.message)
    },
  },
])
