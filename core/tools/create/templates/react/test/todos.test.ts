import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app'
import type { Todo } from '../src/app'

let t: TestApp<typeof app>

// Builds the app, with the page that Vite has built, and starts it on the target of `unmoor test --target`.
beforeAll(async () => {
  t = await startApp<typeof app>()
}, 120_000)
afterAll(() => t?.stop())

const list = async (): Promise<Todo[]> => (await (await t.fetch('/api/todos')).json()) as Todo[]
const add = (body: unknown): Promise<Response> =>
  t.fetch('/api/todos', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })

test('a task is added and done', async () => {
  expect(await list()).toEqual([])
  expect((await add({ title: 'Water the plants' })).status).toBe(201)
  const [todo] = await list()
  expect(todo).toEqual({ id: expect.any(String), title: 'Water the plants', done: false })
  expect((await t.fetch(`/api/todos/${todo?.id}/done`, { method: 'POST' })).status).toBe(204)
  expect(await list()).toEqual([{ ...todo, done: true }])
})

test('a task without a title is refused', async () => {
  expect((await add({ title: ' ' })).status).toBe(400)
  expect((await add(null)).status).toBe(400)
})

test('the page and its script are served', async () => {
  const page = await (await t.fetch('/')).text()
  expect(page).toContain('<div id="root">')
  const script = /src="([^"]+\.js)"/.exec(page)?.[1] ?? '/none'
  expect((await t.fetch(script)).headers.get('content-type')).toContain('javascript')
})
