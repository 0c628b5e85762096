import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { cronStore } from '../../adapters/drivers/sqlite/cron/index.ts'
import { variable } from '../../core/bindings/declarations.ts'
import { buildLab, type HostLab, labApp, startHostLab, startLoop } from './host-lab.ts'

const WORK = `
  queues: { jobs: async (batch, env) => { for (const { body } of batch.messages) await env.kv.put('job:' + body, env.word) } },
  crons: { tick: { schedule: '0 0 1 1 *', run: async (event, env) => { await env.kv.put('tick:' + event.scheduledTime, env.word) } } },`
const SERVICES = `kv: kv(), itself: unmoor.service({ app: 'lab' }), other: unmoor.service({ app: 'two' }), hidden: unmoor.service({ app: 'three' })`

let worker: string
let caller: string
let lab: HostLab
beforeAll(async () => {
  worker = await buildLab(labApp('kv: kv(), jobs: queue()', WORK))
  caller = await buildLab(labApp(SERVICES))
  lab = await startHostLab({
    processes: 2,
    apps: {
      two: { dir: worker, variables: { WORD: 'two' } },
      three: { dir: worker, variables: { WORD: 'three' } },
      caller: { dir: caller, services: ['two'], variables: { HIDDEN_URL: 'http://127.0.0.1:59999' } },
    },
  })
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  await Promise.all([worker, caller].map((dir) => rm(dir, { recursive: true, force: true })))
})

it('queues of the same name are apart', async () => {
  await Promise.all([
    lab.run('two', `await env.jobs.send('a')`),
    lab.run('three', `await env.jobs.send('b')`),
  ])
  const jobs = (app: string): Promise<unknown> =>
    lab.run(
      app,
      `return Promise.all((await env.kv.list({ prefix: 'job:' })).keys.map(async ({ name }) => [name, await env.kv.get(name)]))`,
    )
  await expect.poll(() => jobs('two')).toEqual([['job:a', 'two']])
  await expect.poll(() => jobs('three')).toEqual([['job:b', 'three']])
})

it('a cron that a process began and did not finish runs once, in the app that has it', async () => {
  // As a host leaves it that dies at work. The next one takes it over when it starts.
  const context = {
    binding: 'cronStore',
    app: 'two',
    declaration: variable(),
    variable: () => undefined,
    now: Date.now,
  }
  const dataDir = join(lab.dir, 'crons', 'apps', 'two')
  const store = await cronStore({}, { ...context, dataDir })
  await store.claim('tick', 1000, 'of a dead process', 0)
  await store.close?.()
  await using host = await startHostLab({
    processes: 2,
    dataDir: join(lab.dir, 'crons'),
    apps: { two: { dir: worker, variables: { WORD: 'two' } }, three: { dir: worker } },
  })
  const ticks = (app: string): Promise<unknown> =>
    host.run(app, `return (await env.kv.list({ prefix: 'tick:' })).keys.map(({ name }) => name)`)
  await expect.poll(() => ticks('two')).toEqual(['tick:1000'])
  expect(await ticks('three')).toEqual([])
  const again = await cronStore({}, { ...context, dataDir })
  await expect.poll(() => again.claim('tick', 1000, 'test', 1)).toEqual({ state: 'done' })
  await again.close?.()
})

describe('services', () => {
  it('reach the apps that the settings allow, and the app itself', async () => {
    expect(await lab.run('caller', `return (await env.other.fetch('https://any/path')).text()`)).toBe(
      'two /path',
    )
    expect(await lab.run('caller', `return (await env.itself.fetch('https://any/own')).text()`)).toBe(
      'hello /own',
    )
    expect(
      await lab.run(
        'caller',
        `const r = await env.other.fetch('https://any/', { method: 'POST', body: 'return request.headers.get("x-a")', headers: { 'x-a': 'ä'.length + '' } }); return r.json()`,
      ),
    ).toEqual({ value: '1' })
  })

  it('do not reach others', async () => {
    await expect(
      lab.run('caller', `return (await env.hidden.fetch('https://any/')).text()`),
    ).rejects.toMatchObject({
      code: expect.stringMatching(/^(Unavailable|PermissionDenied)$/),
    })
  })

  it('reach an app that has a process of its own', async () => {
    await using alone = await startHostLab({
      processes: 1,
      limits: { cpuMs: 20_000 },
      apps: {
        two: { dir: worker, variables: { WORD: 'two' } },
        caller: { dir: caller, services: ['two'], variables: { HIDDEN_URL: 'http://127.0.0.1:59999' } },
      },
    })
    for (let kill = 0; kill < 2; kill++) {
      await expect
        .poll(() =>
          alone.send('two').then(
            ({ status }) => status,
            () => 0,
          ),
        )
        .toBe(200)
      await expect.poll(() => alone.host.spareIsReady).toBe(true)
      const pid = alone.host.pids[0] as number
      const { lost } = await startLoop(alone, 'two', pid)
      process.kill(pid, 'SIGKILL')
      await lost
    }
    await expect.poll(() => alone.host.pids.length).toBe(2)
    const call = (code: string): Promise<unknown> => alone.run('caller', code)
    await expect
      .poll(() => call(`return (await env.other.fetch('https://any/path')).text()`).catch(() => ''))
      .toBe('two /path')
    const body = `{ method: 'POST', body: 'return [request.method, request.headers.get("x-a")]', headers: { 'x-a': '1' } }`
    expect(await call(`return (await env.other.fetch('https://any/', ${body})).json()`)).toEqual({
      value: ['POST', '1'],
    })
  })
})
