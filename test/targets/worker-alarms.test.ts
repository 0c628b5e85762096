import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import type { LocalRuntime } from '../../core/adapter.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { tempProject } from '../unit/temp-project.ts'
import { startHostLab } from './host-lab.ts'

const SOON = 1500
/** Sets an alarm, and says when it rings; nothing but the alarm itself would wake the object. */
const WORKER = `
import { DurableObject } from 'cloudflare:workers'
export class Bell extends DurableObject {
  async set() {
    await this.ctx.storage.setAlarm(Date.now() + ${SOON})
  }
  alarm() {
    console.log('the bell rings')
  }
}
export default {
  async fetch(request, env) {
    await env.BELL.getByName('a').set()
    return new Response('set')
  },
}
`
const FILES = {
  'src/index.js': WORKER,
  'wrangler.jsonc': JSON.stringify({
    name: 'bell',
    main: 'src/index.js',
    compatibility_date: '2026-01-01',
    durable_objects: { bindings: [{ name: 'BELL', class_name: 'Bell' }] },
  }),
}

const rung = (lines: readonly string[]): number =>
  lines.filter((line) => line.includes('the bell rings')).length

/** Where the clock's minute ends soon, a cron of each minute would ring as early as the start does. */
async function awayFromTheMinute(): Promise<void> {
  const left = 60_000 - (Date.now() % 60_000)
  if (left < 30_000) await sleep(left)
}

test.each(['node', 'isolate'])(
  'on %s an alarm that passed while no process ran rings at the next start',
  { timeout: 120_000 },
  async (target) => {
    await using project = await tempProject(FILES)
    const { adapter, info, outDir } = await buildApp({
      projectDir: project.dir,
      target,
      worker: 'wrangler.jsonc',
    })
    const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-alarms-'))
    const lines: string[] = []
    const start = (): Promise<LocalRuntime> =>
      adapter.start({
        dir: outDir,
        info,
        dataDir,
        port: 0,
        variables: {},
        log: { info() {}, warn() {} },
        onOutput: (line) => lines.push(line),
      })
    try {
      const first = await start()
      expect(await (await fetch(first.url)).text()).toBe('set')
      await first.stop()
      expect(rung(lines)).toBe(0)
      await sleep(SOON)
      await awayFromTheMinute()
      const second = await start()
      await expect.poll(() => rung(lines)).toBe(1)
      await second.stop()
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  },
)

test(
  'on a host an alarm that passed while its process was down rings when there is one again',
  { timeout: 120_000 },
  async () => {
    await using project = await tempProject(FILES)
    const { outDir } = await buildApp({
      projectDir: project.dir,
      target: 'isolate',
      worker: 'wrangler.jsonc',
    })
    await using lab = await startHostLab({ processes: 1, apps: { bell: { dir: outDir } } })
    await awayFromTheMinute()
    expect((await lab.send('bell')).text).toBe('set')
    for (const pid of lab.host.pids) process.kill(pid, 'SIGKILL')
    await expect.poll(() => rung(lab.lines)).toBe(1)
  },
)
