import { readdirSync, readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { buildLab, labApp, startHostLab, startLoop } from './host-lab.ts'

/** Processes of hosts that this one has started, spare ones too. */
function children(): number[] {
  return readdirSync('/proc/self/task')
    .flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').map(Number))
    .filter((pid) => pid > 0 && readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/host/worker/worker.'))
}

it('an app that ends its process twice gets one of its own; its former neighbours are served by the one that stood by', async () => {
  const artifact = await buildLab(labApp(''))
  try {
    await using lab = await startHostLab({
      processes: 1,
      limits: { cpuMs: 20_000 },
      admin: { port: 0 },
      apps: { killer: { dir: artifact }, other: { dir: artifact } },
    })
    for (let kill = 1; kill <= 2; kill++) {
      const [pid] = lab.host.pids as [number]
      await lab.send('other')
      while (!lab.host.spareIsReady) await sleep(10)
      const { lost } = await startLoop(lab, 'killer', pid)
      const there = children().filter((child) => child !== pid)
      // What the kernel does to a process that takes too much memory: no word of who it was.
      process.kill(pid, 'SIGKILL')
      expect(await lost).toBeInstanceOf(Error)
      while ((await lab.send('other').catch(() => ({ status: 0 }))).status !== 200) await sleep(2)
      // Nobody had to wait for the start of a process.
      expect(there).toContain(lab.host.pids[0])
    }
    expect(lab.lines.join('\n')).toContain(
      '"killer" has ended 2 processes, or held them up; from now on it has one of its own.',
    )
    expect(lab.host.pids).toHaveLength(2)
    while ((await lab.send('killer')).status !== 200) await sleep(20)

    // Now it takes nobody along, and its client hears of it.
    const alone = lab.host.pids[1] as number
    const { lost } = await startLoop(lab, 'killer', alone)
    process.kill(alone, 'SIGKILL')
    expect(await lost).toMatchObject({
      status: 503,
      text: expect.stringContaining("the app's process ended"),
    })
    expect((await lab.send('other')).status).toBe(200)
    while ((await lab.send('killer')).status !== 200) await sleep(20)
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
})

it('an app that runs into its limits again and again gets one of its own, which gives way to the others', async () => {
  const artifact = await buildLab(labApp('kv: kv()'))
  try {
    await using lab = await startHostLab({
      processes: 1,
      limits: { cpuMs: 100 },
      apps: { noisy: { dir: artifact }, other: { dir: artifact } },
    })
    await lab.run('noisy', `await env.kv.put('k', 'kept')`)
    for (let hit = 0; hit < 5; hit++)
      expect((await lab.send('noisy', { method: 'POST', body: 'for (;;);' })).status).toBe(503)
    await expect
      .poll(() => lab.lines.join('\n'))
      .toContain('"noisy" hits its limits of CPU time or memory again and again')
    await expect.poll(() => lab.host.pids.length).toBe(2)
    // What runs there is the same app: its data, its limits.
    await expect
      .poll(() => lab.run('noisy', `return await env.kv.get('k')`).catch(() => undefined))
      .toBe('kept')
    const loop = await lab.send('noisy', { method: 'POST', body: 'for (;;);' })
    expect(loop).toMatchObject({ status: 503, text: expect.stringContaining('limit of 100 ms of CPU time') })
    // Beside this process, which may be nice itself.
    const own = getPriority()
    expect(lab.host.pids.map((pid) => getPriority(pid))).toEqual([own, Math.min(own + 10, 19)])
    expect((await lab.send('other')).status).toBe(200)
    expect(lab.host.pids).toHaveLength(2)
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
})

it('an app that moves into a process of its own loses no request: those under way finish, new ones wait', async () => {
  const artifact = await buildLab(labApp(''))
  try {
    await using lab = await startHostLab({
      processes: 1,
      // What a new isolate's first request takes is the machine's.
      limits: { cpuMs: 2000 },
      apps: { noisy: { dir: artifact } },
    })
    for (let hit = 0; hit < 5; hit++) await lab.send('noisy', { method: 'POST', body: 'for (;;);' })
    const slow = lab.run(
      'noisy',
      `await new Promise((resolve) => setTimeout(resolve, 3000)); return 'finished'`,
    )
    const statuses: number[] = []
    while (!lab.lines.join('\n').includes('from now on it has one of its own') || lab.host.pids.length < 2)
      statuses.push((await lab.send('noisy')).status)
    for (let more = 0; more < 20; more++) statuses.push((await lab.send('noisy')).status)
    expect(statuses.filter((status) => status !== 200)).toEqual([])
    expect(await slow).toBe('finished')
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
})

it('a process of one app runs no work of others that are deployed later', async () => {
  const artifact = await buildLab(labApp('kv: kv()'))
  // One batch at once, so that a second process would take what waits.
  const worker = await buildLab(
    labApp(
      'kv: kv(), jobs: queue({ batchSize: 1 })',
      `queues: { jobs: async (batch, env) => {
        globalThis.id ??= crypto.randomUUID()
        await new Promise((resolve) => setTimeout(resolve, 500))
        await env.kv.put('done:' + batch.messages[0].body, globalThis.id)
      } },`,
    ),
  )
  try {
    await using lab = await startHostLab({
      processes: 1,
      limits: { cpuMs: 100 },
      apps: { noisy: { dir: artifact } },
      admin: { port: 0, token: 't' },
    })
    for (let hit = 0; hit < 5; hit++) await lab.send('noisy', { method: 'POST', body: 'for (;;);' })
    await expect.poll(() => lab.host.pids.length).toBe(2)
    await expect.poll(() => lab.send('noisy').then(({ status }) => status)).toBe(200)
    await new DeployClient({ url: lab.host.adminUrl as string, token: 't' }).deploy('worker', worker)
    await lab.run('worker', `for (let job = 0; job < 6; job++) await env.jobs.send(job)`)
    const ids = (): Promise<unknown> =>
      lab.run(
        'worker',
        `return Promise.all((await env.kv.list({ prefix: 'done:' })).keys.map(({ name }) => env.kv.get(name)))`,
      )
    await expect.poll(ids).toHaveLength(6)
    expect(new Set((await ids()) as string[]).size).toBe(1)
  } finally {
    for (const dir of [artifact, worker]) await rm(dir, { recursive: true, force: true })
  }
})
