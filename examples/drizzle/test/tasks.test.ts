import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startApp, type TestApp } from 'unmoor/testing'
import type app from '../src/app.ts'

let t: TestApp<typeof app>
beforeAll(async () => {
  t = await startApp<typeof app>()
}, 120_000)
afterAll(() => t?.stop())

const add = (task: object): Promise<Response> =>
  t.fetch('/tasks', { method: 'POST', body: JSON.stringify(task) })
const overdue = async (): Promise<{ id: string }[]> =>
  (await (await t.fetch('/overdue?now=2026-06-01T00:00:00Z')).json()) as { id: string }[]

describe('tasks', () => {
  it('keep booleans, dates and JSON by the schema of the dialect', async () => {
    expect(
      (await add({ id: 'late', title: 'Late', tags: ['a', "it's"], due: '2026-05-01T12:30:00.250Z' })).status,
    ).toBe(201)
    await add({ id: 'later', title: 'Later', tags: [], due: '2026-05-02T00:00:00Z' })
    await add({ id: 'soon', title: 'Soon', tags: [], due: '2026-07-01T00:00:00Z' })
    await add({ id: 'never', title: 'Never', tags: [] })
    expect((await add({ id: 'late', title: 'Again', tags: [] })).status).toBe(409)
    expect(await overdue()).toEqual([
      { id: 'late', title: 'Late', done: false, due: '2026-05-01T12:30:00.250Z', tags: ['a', "it's"] },
      { id: 'later', title: 'Later', done: false, due: '2026-05-02T00:00:00.000Z', tags: [] },
    ])
  })

  it('are finished both or neither, in a transaction of the binding, where the engine has them', async () => {
    const missing = await t.fetch('/swap/late/none')
    if (t.target === 'cloudflare') {
      expect(missing.status).toBe(501)
      return
    }
    expect(missing.status).toBe(404)
    expect((await overdue()).length).toBe(2)
    expect(await (await t.fetch('/swap/late/soon')).json()).toMatchObject([
      { id: 'late', done: true },
      { id: 'soon', done: true },
    ])
    expect((await overdue()).map(({ id }) => id)).toEqual(['later'])
  })
})
