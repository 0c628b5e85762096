import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildLab, type HostLab, labApp, sendTo, startHostLab } from './host-lab.ts'

const QUEUES = `
  queues: { jobs: async (batch, env) => { for (const message of batch.messages) { await env.kv.put('job:' + message.body, String(batch.messages.length)) } } },`

let artifact: string
let plain: string
let lab: HostLab

beforeAll(async () => {
  artifact = await buildLab(labApp('kv: kv(), jobs: queue(), db: sql()', QUEUES))
  plain = await buildLab(labApp(''), 'plain')
  lab = await startHostLab({
    apps: {
      one: { dir: artifact },
      two: {
        dir: artifact,
        variables: { WORD: 'zwei' },
        hosts: ['two.localhost', 'two.example.com', '*.zwei.org'],
        paths: ['/zwei'],
      },
      plain: { dir: plain, services: ['one'] },
    },
  })
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  await rm(artifact, { recursive: true, force: true })
  await rm(plain, { recursive: true, force: true })
})

describe('routes', () => {
  it('go by name, host, wildcard and path', async () => {
    const { url } = lab.host
    expect(await sendTo(url, 'one', { path: '/a?b' })).toEqual({ status: 200, text: 'hello /a' })
    expect((await sendTo(url, '', { headers: { host: 'TWO.example.com:99' } })).text).toBe('zwei /')
    expect((await sendTo(url, '', { headers: { host: 'x.y.zwei.org' } })).text).toBe('zwei /')
    expect((await sendTo(url, 'nobody', { path: '/zwei/q' })).text).toBe('zwei /q')
    expect((await sendTo(url, 'nobody', { path: '/zweiter' })).status).toBe(404)
    expect(await sendTo(url, 'nobody')).toEqual({
      status: 404,
      text: 'Not Found: no app of this host answers for "nobody.localhost".',
    })
  })
})

describe('data', () => {
  it('is apart for two apps of the same artifact', async () => {
    await lab.run(
      'one',
      `await env.kv.put('k', 'of one'); await env.db.run('CREATE TABLE IF NOT EXISTS t (a INTEGER)')`,
    )
    expect(await lab.run('two', `return await env.kv.get('k')`)).toBeNull()
    expect(await lab.run('one', `return await env.kv.get('k')`)).toBe('of one')
    await expect(lab.run('two', `return await env.db.all('SELECT * FROM t')`)).rejects.toMatchObject({
      code: 'NotFound',
    })
  })

  it('queues are handled once over the processes', async () => {
    await lab.run('one', `for (let i = 0; i < 20; i++) await env.jobs.send('one-' + i)`)
    await expect
      .poll(() => lab.run('one', `return (await env.kv.list({ prefix: 'job:one-' })).keys.length`))
      .toBe(20)
    expect(await lab.run('two', `return (await env.kv.list({ prefix: 'job:' })).keys.length`)).toBe(0)
  })
})

describe('processes', () => {
  it('share the port', async () => {
    expect(lab.host.pids).toHaveLength(2)
    // The kernel chooses which process takes a connection: both have their turn by and by.
    const isolates = new Set<unknown>()
    await expect
      .poll(
        async () => isolates.add(await lab.run('one', 'return (globalThis.id ??= crypto.randomUUID())')).size,
        { interval: 0 },
      )
      .toBe(2)
    for (let time = 0; time < 20; time++)
      isolates.add(await lab.run('one', 'return globalThis.id ??= crypto.randomUUID()'))
    expect(isolates.size).toBe(2)
  })

  it('a loop is a 503 that names its limit; neighbours go on', async () => {
    const loop = lab.send('two', { method: 'POST', body: 'for (;;);' })
    expect((await lab.send('one')).status).toBe(200)
    const { status, text } = await loop
    expect(status).toBe(503)
    expect(text).toContain('limit of 1000 ms of CPU time')
    expect((await lab.send('two')).status).toBe(200)
  })

  it('one that is killed is replaced, and its neighbours answer again', async () => {
    const [first] = lab.host.pids
    process.kill(first as number, 'SIGKILL')
    await sleep(5)
    for (let index = 0; index < 20; index++) {
      while ((await lab.send('one').catch(() => ({ status: 0 }))).status !== 200) await sleep(5)
    }
    while (lab.host.pids.length < 2) await sleep(10)
    expect(lab.host.pids).not.toContain(first)
  })

  it('those that end before they are ready are followed by others, until the host has all of them again', async () => {
    await using other = await startHostLab({ processes: 2, apps: { one: { dir: artifact } } })
    const known = new Set(lab.host.pids)
    // All children, those that are starting too.
    const children = (): number[] =>
      readdirSync('/proc/self/task')
        .flatMap((thread) =>
          readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').map(Number),
        )
        .filter(
          (pid) =>
            pid > 0 &&
            !known.has(pid) &&
            readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/host/worker/worker.'),
        )
    for (let time = 0; time < 6; time++) {
      for (const pid of children()) process.kill(pid, 'SIGKILL')
      await sleep(100)
    }
    await expect.poll(() => other.host.pids.length).toBe(2)
    await expect.poll(async () => (await other.send('one').catch(() => ({ status: 0 }))).status).toBe(200)
  })
})
