import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { objects } from '../../adapters/drivers/sqlite/index.ts'
import type { ObjectsDriver } from '../../core/bindings/drivers.ts'
import { onAlarm, ringDue, scheduleAlarm } from '../../core/compat/workers/durable/alarms.ts'
import { ObjectStore } from '../../core/compat/workers/durable/store.ts'
import { state } from '../../core/compat/workers/state.ts'
import { driverContext } from './contracts/harness.ts'

let dataDir: string
let driver: ObjectsDriver
/** Statements on the index of alarms. */
let looks = 0
/** Handlers that are at work, by object, and what ends each. */
const atWork = new Map<string, () => void>()
const rung: string[] = []

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'unmoor-alarms-'))
  driver = await objects({}, driverContext({}, { dataDir }))
  const counted: Pick<ObjectsDriver, 'query'> = {
    query(object, text, params) {
      if (object === 'alarms') looks++
      return driver.query(object, text, params)
    },
  }
  state.portable = { objects: counted }
  state.spec = { objects: { binding: 'objects' } } as never
  onAlarm(async (object) => {
    rung.push(object)
    if (object.startsWith('slow')) await new Promise<void>((resolve) => atWork.set(object, resolve))
  })
})
afterAll(async () => {
  for (const end of atWork.values()) end()
  await driver.close?.()
  await rm(dataDir, { recursive: true, force: true })
})

async function schedule(name: string, time: number): Promise<void> {
  const store = new ObjectStore(name)
  scheduleAlarm(store, time)
  await store.written()
}

it('an alarm rings while hundreds of others are at work, and those cost nothing meanwhile', async () => {
  for (let index = 0; index < 150; index++) await schedule(`slow-${index}`, Date.now())
  await expect.poll(() => atWork.size).toBe(150)
  await schedule('quick', Date.now())
  await expect.poll(() => rung).toContain('quick')
  // Nothing is due: nobody looks before the next alarm.
  await new Promise((resolve) => setTimeout(resolve, 50))
  const before = looks
  await new Promise((resolve) => setTimeout(resolve, 200))
  expect(looks).toBe(before)
  // A look of the cron rings nothing twice.
  void ringDue()
  expect(rung.length).toBe(151)
})

it('an alarm that its own handler has set rings when that one has ended', async () => {
  await schedule('slow-again', Date.now())
  await expect.poll(() => atWork.has('slow-again')).toBe(true)
  await schedule('slow-again', Date.now())
  atWork.get('slow-again')?.()
  await expect.poll(() => rung.filter((name) => name === 'slow-again').length).toBe(2)
})
