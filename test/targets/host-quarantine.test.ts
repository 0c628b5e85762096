import { spawnSync } from 'node:child_process'
import { rm } from 'node:fs/promises'
import { getPriority } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/deploy-client.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

/** Milliseconds. */
function startOfNode(): number {
  const began = performance.now()
  spawnSync(process.execPath, ['-e', '0'])
  return performance.now() - began
}

/** Resolves when the app's isolate is busy: it answers nothing any more. */
async function loops(lab: HostLab, app: string): Promise<void> {
  for (;;) {
    const answered = lab.send(app).then(
      () => true,
      () => true,
    )
    if (!(await Promise.race([answered, sleep(300, false)]))) return
    await sleep(20)
  }
}

it('an app that ends its process twice gets one of its own; its former neighbours answer within 500 ms', async () => {
  const artifact = await buildLab(labApp(''))
  try {
    await using lab = await startHostLab({ processes: 1, limits: { cpuMs: 20_000 }, apps: { killer: { dir: artifact }, other: { dir: artifact } } })
    for (let kill = 1; kill <= 2; kill++) {
      const [pid] = lab.host.pids as [number]
      await lab.send('other')
      while (!lab.host.spareIsReady) await sleep(10)
      const lost = lab.send('killer', { method: 'POST', body: 'for (;;);' }).catch((error: Error) => error)
      await loops(lab, 'killer')
      // What the kernel does to a process that takes too much memory: no word of who it was.
      process.kill(pid, 'SIGKILL')
      const began = performance.now()
      expect(await lost).toBeInstanceOf(Error)
      while ((await lab.send('other').catch(() => ({ status: 0 }))).status !== 200) await sleep(2)
      const ms = performance.now() - began
      // On a machine that is busy with other things all takes longer: then the start of a bare node is the measure.
      expect(ms).toBeLessThan(Math.max(500, 8 * startOfNode()))
    }
    expect(lab.lines.join('\n')).toContain('"killer" has ended 2 processes, or held them up; from now on it has one of its own.')
    expect(lab.host.pids).toHaveLength(2)
    while ((await lab.send('killer')).status !== 200) await sleep(20)

    // Now it takes nobody along, and its client hears of it.
    const alone = lab.host.pids[1] as number
    const lost = lab.send('killer', { method: 'POST', body: 'for (;;);' })
    await loops(lab, 'killer')
    process.kill(alone, 'SIGKILL')
    expect(await lost).toMatchObject({ status: 503, text: expect.stringContaining("the app's process ended") })
    expect((await lab.send('other')).status).toBe(200)
    while ((await lab.send('killer')).status !== 200) await sleep(20)
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
}, 60_000)

it('an app that runs into its limits again and again gets one of its own, which gives way to the others', async () => {
  const artifact = await buildLab(labApp('kv: kv()'))
  try {
    await using lab = await startHostLab({ processes: 1, limits: { cpuMs: 100 }, apps: { noisy: { dir: artifact }, other: { dir: artifact } } })
    await lab.run('noisy', `await env.kv.put('k', 'kept')`)
    for (let hit = 0; hit < 5; hit++) expect((await lab.send('noisy', { method: 'POST', body: 'for (;;);' })).status).toBe(503)
    await expect.poll(() => lab.lines.join('\n'), { timeout: 5000 }).toContain('"noisy" hits its limits of CPU time or memory again and again')
    await expect.poll(() => lab.host.pids.length, { timeout: 10_000 }).toBe(2)
    // What runs there is the same app: its data, its limits.
    await expect.poll(() => lab.run('noisy', `return await env.kv.get('k')`).catch(() => undefined), { timeout: 10_000 }).toBe('kept')
    const loop = await lab.send('noisy', { method: 'POST', body: 'for (;;);' })
    expect(loop).toMatchObject({ status: 503, text: expect.stringContaining('limit of 100 ms of CPU time') })
    expect(lab.host.pids.map((pid) => getPriority(pid))).toEqual([0, 10])
    expect((await lab.send('other')).status).toBe(200)
    expect(lab.host.pids).toHaveLength(2)
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
}, 60_000)

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
    await using lab = await startHostLab({ processes: 1, limits: { cpuMs: 100 }, apps: { noisy: { dir: artifact } }, admin: { port: 0, token: 't' } })
    for (let hit = 0; hit < 5; hit++) await lab.send('noisy', { method: 'POST', body: 'for (;;);' })
    await expect.poll(() => lab.host.pids.length, { timeout: 10_000 }).toBe(2)
    await expect.poll(() => lab.send('noisy').then(({ status }) => status), { timeout: 10_000 }).toBe(200)
    await new DeployClient({ url: lab.host.adminUrl as string, token: 't' }).deploy('worker', worker)
    await lab.run('worker', `for (let job = 0; job < 6; job++) await env.jobs.send(job)`)
    const ids = (): Promise<unknown> =>
      lab.run('worker', `return Promise.all((await env.kv.list({ prefix: 'done:' })).keys.map(({ name }) => env.kv.get(name)))`)
    await expect.poll(ids, { timeout: 20_000 }).toHaveLength(6)
    expect(new Set((await ids()) as string[]).size).toBe(1)
  } finally {
    for (const dir of [artifact, worker]) await rm(dir, { recursive: true, force: true })
  }
}, 60_000)
