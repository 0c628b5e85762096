import { rm } from 'node:fs/promises'
import { readdirSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

const TOKEN = 'correct horse'
let artifact: string
beforeAll(async () => {
  artifact = await buildLab(labApp('kv: kv()'))
})
afterAll(() => rm(artifact, { recursive: true, force: true }))

function apps(count: number): Record<string, { dir: string; variables: Record<string, string> }> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => [
      `app${index}`,
      { dir: artifact, variables: { WORD: `word${index}` } },
    ]),
  )
}

interface Figures {
  app: string
  starts: number
  evictions: number
}
async function usage(lab: HostLab): Promise<Map<string, Figures>> {
  const response = await fetch(`${lab.host.adminUrl}/v1/usage`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  const { usage } = (await response.json()) as { usage: Figures[] }
  return new Map(usage.map((figures) => [figures.app, figures]))
}
async function liveIsolates(lab: HostLab): Promise<number> {
  const text = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  return Number(/^unmoor_isolates (\d+)$/m.exec(text)?.[1])
}

/** Files that a process holds open below its data folder. */
function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}

it('the longest idle isolates make room, and come back with their data', async () => {
  await using lab = await startHostLab({
    processes: 1,
    maxIsolates: 5,
    admin: { port: 0, token: TOKEN },
    apps: apps(12),
  })
  for (let index = 0; index < 12; index++) await lab.run(`app${index}`, `await env.kv.put('k', env.word)`)
  expect(await liveIsolates(lab)).toBe(5)
  const files = openFiles(lab.host.pids[0] as number)
  for (let pass = 0; pass < 2; pass++)
    for (let index = 0; index < 12; index++)
      expect(await lab.run(`app${index}`, `return await env.kv.get('k')`)).toBe(`word${index}`)
  expect(await liveIsolates(lab)).toBe(5)
  // Evicted apps keep no files open.
  expect(openFiles(lab.host.pids[0] as number)).toBeLessThan(files + 10)
  const figures = await usage(lab)
  // Each pass in order finds none of the last five still there.
  for (const { starts } of figures.values()) expect(starts).toBe(3)
  expect([...figures.values()].reduce((sum, { evictions }) => sum + evictions, 0)).toBe(12 * 3 - 5)
  // The least recently used goes: app11 was used last, app7 first of those that live.
  await lab.send('app7')
  await lab.send('app0')
  const after = await usage(lab)
  expect(after.get('app7')?.evictions).toBe(figures.get('app7')?.evictions)
  expect(after.get('app8')?.evictions).toBe((figures.get('app8')?.evictions ?? 0) + 1)
})

it('all at once wait for room instead of failing, and one that works is not evicted', async () => {
  await using lab = await startHostLab({
    processes: 1,
    maxIsolates: 3,
    admin: { port: 0, token: TOKEN },
    apps: apps(10),
  })
  // It works until it is told to stop, however long the others take.
  const long = lab.run(
    'app0',
    `globalThis.held = Promise.withResolvers(); await env.kv.put('begun', 'yes'); await globalThis.held.promise; return env.word`,
  )
  await expect.poll(() => lab.run('app0', `return env.kv.get('begun')`)).toBe('yes')
  const answers = await Promise.all(
    Array.from({ length: 40 }, (_, index) =>
      lab.run(
        `app${1 + (index % 9)}`,
        `await new Promise((resolve) => setTimeout(resolve, 5)); return env.word`,
      ),
    ),
  )
  expect(answers).toEqual(Array.from({ length: 40 }, (_, index) => `word${1 + (index % 9)}`))
  await lab.run('app0', `globalThis.held.resolve()`)
  expect(await long).toBe('word0')
  expect((await usage(lab)).get('app0')).toMatchObject({ starts: 1, evictions: 0 })
})

it('a process that holds too much memory puts idle isolates away', async () => {
  await using lab = await startHostLab({
    processes: 1,
    maxProcessMb: 30,
    admin: { port: 0, token: TOKEN },
    apps: apps(6),
  })
  for (let index = 0; index < 6; index++) await lab.run(`app${index}`, `await env.kv.put('k', env.word)`)
  await expect.poll(() => liveIsolates(lab)).toBe(0)
  for (let index = 0; index < 6; index++)
    expect(await lab.run(`app${index}`, `return await env.kv.get('k')`)).toBe(`word${index}`)
  expect(
    [...(await usage(lab)).values()].every(({ evictions, starts }) => evictions >= 1 && starts >= 2),
  ).toBe(true)
})
