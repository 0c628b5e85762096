import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'

let t: TestApp

// Builds the Worker and starts it on the target that `unmoor test --target` names.
beforeAll(async () => {
  t = await startApp()
}, 120_000)
afterAll(() => t?.stop())

test('a note is written and read', async () => {
  expect((await t.fetch('/notes/a', { method: 'PUT', body: 'hello' })).status).toBe(204)
  expect(await (await t.fetch('/notes/a')).text()).toBe('hello')
  expect((await t.fetch('/notes/b')).status).toBe(404)
})

test('notes are counted by the queue, and the cron starts again', async () => {
  await t.queues['written']?.drained()
  expect(await (await t.fetch('/count')).json()).toEqual({ written: 1 })
  // Crons of a Worker are cron1, cron2, ... in the order of its wrangler file.
  await t.crons['cron1']?.run({ scheduledTime: Date.now() })
  expect(await (await t.fetch('/count')).json()).toEqual({ written: 0 })
})
