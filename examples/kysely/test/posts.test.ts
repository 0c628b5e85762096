import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app.ts'

let t: TestApp<typeof app>
beforeAll(async () => {
  t = await startApp<typeof app>()
}, 120_000)
afterAll(() => t?.stop())

const publish = (id: string, author: string): Promise<Response> =>
  t.fetch('/posts', { method: 'POST', body: JSON.stringify({ id, author, title: `About ${id}` }) })

describe('posts', () => {
  it('are published in a transaction, or refused where the engine has none', async () => {
    const first = await publish('one', 'Ada')
    if (t.target === 'cloudflare') {
      expect([first.status, await first.text()]).toEqual([501, expect.stringContaining('batch()')])
      // D1 has no interactive transactions, so the same rows are inserted by a batch.
      await t.env.db.batch([
        { text: 'INSERT INTO authors (id, name) VALUES (?, ?)', params: ['ada', 'Ada'] },
        {
          text: "INSERT INTO posts (id, author, title, views, created) VALUES ('one', 'ada', 'About one', 0, 0), ('two', 'ada', 'About two', 0, 0)",
        },
        { text: 'INSERT INTO authors (id, name) VALUES (?, ?)', params: ['bob', 'Bob'] },
        {
          text: "INSERT INTO posts (id, author, title, views, created) VALUES ('three', 'bob', 'About three', 0, 0)",
        },
      ])
      return
    }
    expect([
      first.status,
      (await publish('two', 'Ada')).status,
      (await publish('three', 'Bob')).status,
    ]).toEqual([201, 201, 201])
    // The failed transaction does not keep its second author either.
    expect((await publish('one', 'Eve')).status).toBe(409)
    expect(await t.env.db.value('SELECT count(*) FROM authors')).toBe(2)
  })

  it('count their views and rank their authors', async () => {
    for (let seen = 1; seen <= 3; seen++)
      expect(await (await t.fetch('/posts/three')).json()).toEqual({ title: 'About three', views: seen })
    expect(await (await t.fetch('/posts/one')).json()).toEqual({ title: 'About one', views: 1 })
    expect((await t.fetch("/posts/none'; DROP TABLE posts; --")).status).toBe(404)
    expect(await (await t.fetch('/ranking')).json()).toEqual([
      { name: 'Bob', posts: 1, views: 3 },
      { name: 'Ada', posts: 2, views: 1 },
    ])
  })
})
