import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app'

let t: TestApp<typeof app>

// Builds the app and starts it on the target that `unmoor test --target` names.
beforeAll(async () => {
  t = await startApp<typeof app>()
}, 120_000)
afterAll(() => t?.stop())

test('a note is written and read', async () => {
  expect((await t.fetch('/notes/a', { method: 'PUT', body: 'hello' })).status).toBe(204)
  expect(await (await t.fetch('/notes/a')).text()).toBe('hello')
  expect(await t.env.notes.get('note:a')).toBe('hello')
  expect((await t.fetch('/notes/b')).status).toBe(404)
})

test('notes are counted by the queue, and the cron starts again', async () => {
  await t.queues.written.drained()
  expect(await (await t.fetch('/count')).json()).toEqual({ written: 1 })
  await t.crons.reset.run({ scheduledTime: Date.now() })
  expect(await t.env.notes.get('count')).toBe('0')
})
