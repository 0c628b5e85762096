import { afterAll, beforeAll, expect, it } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app.ts'

let t: TestApp<typeof app>
beforeAll(async () => {
  t = await startApp<typeof app>()
}, 120_000)
afterAll(() => t?.stop())

it('answers requests as it did behind its HTTP API', async () => {
  const saved = await t.fetch('/notes/first', {
    method: 'PUT',
    body: 'hello',
    headers: { 'content-type': 'text/plain' },
  })
  expect([saved.status, saved.headers.get('location'), saved.headers.getSetCookie()]).toEqual([
    201,
    '/notes/first',
    ['last=first; Path=/', 'seen=1'],
  ])
  const note = await t.fetch('/notes/first')
  expect([note.status, note.headers.get('content-type'), await note.text()]).toEqual([
    200,
    'text/plain',
    'hello',
  ])
  expect((await t.fetch('/notes/none')).status).toBe(404)
})

it('finds query, cookies and variables where AWS has them', async () => {
  const event = await t.fetch('/event?a=1&a=2&b=%20', { headers: { cookie: 'x=1; y=2' } })
  expect(await event.json()).toEqual({
    query: { a: '1,2', b: ' ' },
    cookies: ['x=1', 'y=2'],
    table: 'notes',
    function: 'notes',
  })
})

it('takes batches, and only what failed again', async () => {
  await t.fetch('/notes/broken', { method: 'PUT', body: 'x' })
  await t.queues.thumbnails.drained()
  expect(await t.env.notes.get('thumbnail-of-first')).toBe('5 bytes, attempt 1')
  expect(await t.env.notes.get('thumbnail-of-broken')).toBe('1 bytes, attempt 2')
})

it('runs at night', async () => {
  await t.crons.nightly.run({ scheduledTime: Date.UTC(2026, 10, 23, 3) })
  expect(await t.env.notes.get('last-night')).toBe('2026-11-23T03:00:00Z')
})
