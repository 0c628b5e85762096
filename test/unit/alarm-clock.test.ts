import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { objects as openObjects } from '../../adapters/drivers/sqlite/index.ts'
import { startAlarmClock } from '../../adapters/node-server/runtime/crons/alarm-clock.ts'
import { scheduledCrons } from '../../adapters/node-server/runtime/crons/alarm-clock.ts'
import type { Scheduler } from '../../adapters/node-server/runtime/crons/scheduler.ts'
import type { App } from '../../core/app.ts'
import type { ObjectsDriver } from '../../core/bindings/drivers.ts'
import { driverContext } from '../drivers/contracts/harness.ts'

const START = Date.UTC(2026, 0, 1, 0, 0, 10)
let dataDir: string
let driver: ObjectsDriver
let clock: Scheduler | undefined
let rings: number[]
let errors: string[]

beforeEach(async () => {
  vi.useFakeTimers({ now: START, toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  dataDir = await mkdtemp(join(tmpdir(), 'unmoor-clock-'))
  driver = await openObjects({}, driverContext({}, { dataDir }))
  rings = []
  errors = []
})
afterEach(async () => {
  await clock?.stop()
  vi.useRealTimers()
  await driver.close?.()
  await rm(dataDir, { recursive: true, force: true })
})

function app(crons: string[], kind = 'objects'): App {
  return {
    bindings: { storage: { kind } },
    queues: {},
    crons: Object.fromEntries(crons.map((name) => [name, { schedule: '* * * * *', run() {} }])),
  } as never
}

function start(declared = app(['objectAlarms']), ring = async (): Promise<void> => {}): void {
  clock = startAlarmClock({
    runtime: { app: declared, drivers: new Map([['storage', driver]]) },
    ring(time) {
      rings.push(time - START)
      return ring()
    },
    onError: (message) => errors.push(message),
  })
}

/** As the Worker keeps it. */
function setAlarm(object: string, time: number): void {
  driver.query(
    'alarms',
    'CREATE TABLE IF NOT EXISTS alarms (object TEXT PRIMARY KEY, time INTEGER NOT NULL, retries INTEGER ' +
      'NOT NULL) WITHOUT ROWID',
    [],
  )
  driver.query('alarms', 'INSERT OR REPLACE INTO alarms VALUES (?1, ?2, 0)', [object, time])
}

it('what an earlier process left rings at the start, and not a minute later', () => {
  setAlarm('old', START - 5000)
  start()
  expect(rings).toEqual([0])
})

it('an alarm that is not yet due at the start rings at its time, however slow another one is', async () => {
  setAlarm('old', START - 5000)
  setAlarm('new', START + 7000)
  start(undefined, () => new Promise((resolve) => setTimeout(resolve, 600_000)))
  await vi.advanceTimersByTimeAsync(8000)
  expect(rings).toEqual([0, 7000])
  // They stay in the index until they have rung: the clock does not spin meanwhile.
  await vi.advanceTimersByTimeAsync(112_000)
  expect(rings).toEqual([0, 7000, 67_000])
  const stopped = clock?.stop()
  await vi.advanceTimersByTimeAsync(600_000)
  await stopped
})

it('objects without alarms cost a look a minute: no file, and nothing of the app runs', async () => {
  start()
  await vi.advanceTimersByTimeAsync(300_000)
  expect(rings).toEqual([])
  expect(await readdir(dataDir, { recursive: true })).toEqual([])
})

it('a look that fails is told of, and the next one comes', async () => {
  let broken = true
  const whole = driver
  driver = {
    query(object, text, params) {
      if (broken) throw new Error('not now')
      return whole.query(object, text, params)
    },
    close: () => whole.close?.(),
  }
  setAlarmOn(whole)
  start()
  expect(errors).toEqual(['The alarms of Durable Objects could not be looked at: not now'])
  broken = false
  await vi.advanceTimersByTimeAsync(60_000)
  expect(rings).toEqual([60_000])
})

function setAlarmOn(whole: ObjectsDriver): void {
  const wrapped = driver
  driver = whole
  setAlarm('old', START)
  driver = wrapped
}

it('the cron of alarms is no cron of the scheduler, and an app without objects may use its name', () => {
  expect(scheduledCrons({ app: app(['objectAlarms', 'tick']) })).toEqual({ tick: '* * * * *' })
  expect(scheduledCrons({ app: app(['objectAlarms'], 'kv') })).toEqual({ objectAlarms: '* * * * *' })
  start(app(['objectAlarms'], 'kv'))
  expect(clock).toBeUndefined()
})
