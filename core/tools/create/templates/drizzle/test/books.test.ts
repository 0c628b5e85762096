import { afterAll, beforeAll, expect, test } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app'

let t: TestApp<typeof app>

// Builds the app, applies its migrations and starts it on the target that `unmoor test --target` names.
beforeAll(async () => {
  t = await startApp<typeof app>()
}, 120_000)
afterAll(() => t?.stop())

const put = (id: string, book: object): Promise<Response> =>
  t.fetch(`/books/${id}`, { method: 'PUT', body: JSON.stringify(book) })

test('a book is added once, and has the types of the schema', async () => {
  expect((await put('emma', { title: 'Emma', author: 'Jane Austen' })).status).toBe(201)
  expect((await put('emma', { title: 'Emma again', author: 'Jane Austen' })).status).toBe(409)
  expect(await (await t.fetch('/books')).json()).toEqual([
    {
      id: 'emma',
      title: 'Emma',
      author: 'Jane Austen',
      isRead: false,
      addedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
    },
  ])
})

test('a book is marked as read, and one that is not there is a 404', async () => {
  expect(await (await t.fetch('/books/emma/read', { method: 'POST' })).json()).toMatchObject({ isRead: true })
  expect((await t.fetch('/books/none/read', { method: 'POST' })).status).toBe(404)
})

test('what is no book is refused', async () => {
  expect((await put('x', { title: 'no author' })).status).toBe(400)
  expect((await t.fetch('/books/x', { method: 'PUT', body: 'no JSON' })).status).toBe(400)
})
