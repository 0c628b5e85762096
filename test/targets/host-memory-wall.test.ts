import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findPlace, MemoryCgroups } from '../../adapters/isolate/host/supervisor/memory-cgroups.ts'
import { type PackageCopy, plant } from '../hostile/package-copy.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

const LIMIT_MB = 64
/** In pieces, as an app that was refused one would say so. */
const HOLD = (mb: number): string => `
  globalThis.held ??= []
  for (let mb = 0; mb < ${mb}; mb += 50) {
    const memory = new WebAssembly.Memory({ initial: 50 * 16, maximum: 50 * 16 })
    new Uint8Array(memory.buffer).fill(1)
    held.push(memory)
  }
  return held.length * 50`
const EMPTY_MODULE = 'new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0])'

let artifact: string
let copy: PackageCopy
beforeAll(async () => {
  artifact = await buildLab(labApp(''))
  // The first wall does not count: what is asked is what holds behind it.
  copy = await plant({
    is: 'memory of WebAssembly is not counted',
    file: 'adapters/isolate/engine/memory/budget.js',
    from: 'reserved += bytes;\n',
    to: 'reserved += 0;\n',
    also: ['return sum;', 'return 0;'],
  })
})
afterAll(async () => {
  await copy?.[Symbol.asyncDispose]()
  await rm(artifact, { recursive: true, force: true })
})

const start = (config: object): Promise<HostLab> =>
  startHostLab(
    {
      processes: 1,
      admin: { port: 0 },
      limits: { memoryMb: LIMIT_MB, cpuMs: 60_000 },
      apps: { holder: { dir: artifact }, other: { dir: artifact }, module: { dir: artifact } },
      ...config,
    },
    [],
    copy.startHost,
  )

async function hits(lab: HostLab): Promise<number> {
  const text = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  return Number(/^unmoor_limit_hits_total\{app="holder",limit="memoryMb"\} (\S+)$/m.exec(text)?.[1] ?? 0)
}

const hasCgroups = MemoryCgroups.find() !== undefined
if (!hasCgroups) console.log('Skipped: a memory cgroup for the process of one app. None can be made here.')

/** With what holds the process of one app: what is looked at four times a second, and the kernel. */
const WAYS: [string, boolean][] = [
  ['the supervisor', false],
  ['a memory cgroup', true],
]

describe.each(WAYS.filter(([, cgroup]) => !cgroup || hasCgroups))(
  'memory that nobody counts, by %s',
  (_name, cgroup) => {
    it('is moved out of the process that apps share, without blame, and ends the process that has it', async () => {
      await using lab = await start({ guard: { cgroup } })
      const [shared] = lab.host.pids as [number]
      await lab.run('other', 'globalThis.mark = 1; new Intl.DateTimeFormat()')
      await lab.run('holder', HOLD(700))
      await expect
        .poll(() => lab.lines.join('\n'))
        .toContain('"holder" has memory of WebAssembly in a process that holds more than its isolates')
      while (lab.host.pids.length < 2) await sleep(10)
      while ((await lab.send('holder')).status !== 200) await sleep(10)
      // The neighbour has not moved, nor its isolate, though it has memory outside V8's heap too.
      expect(lab.host.pids[0]).toBe(shared)
      expect(await lab.run('other', 'return mark')).toBe(1)
      expect(lab.lines.join('\n')).not.toContain('"other" has')
      expect(await hits(lab)).toBe(0)

      const own = lab.host.pids[1] as number
      if (cgroup) expect(readFileSync(`/proc/${own}/cgroup`, 'utf8')).toMatch(/unmoor-\d+-\d+$/m)
      // What it may hold stays.
      expect(await lab.run('holder', HOLD(50))).toBe(50)
      expect(lab.host.pids[1]).toBe(own)
      expect(await lab.send('holder', { method: 'POST', body: HOLD(700) })).toMatchObject({
        status: 503,
        text: expect.stringContaining("the app's process ended while it served this request"),
      })
      await expect
        .poll(() => lab.lines.join('\n'))
        .toContain('The process of "holder" held more than 384 MB, where its limit of memoryMb is 64 MB')
      await expect.poll(() => hits(lab)).toBe(1)
      // It comes back, the neighbours never went.
      await expect.poll(() => lab.send('holder').then(({ status }) => status)).toBe(200)
      expect(lab.host.pids[0]).toBe(shared)
      expect(existsSync(`/proc/${own}`)).toBe(false)
    })
  },
)

it('apps that hold modules move in turn where the process holds too much, and those without stay', async () => {
  await using lab = await start({ guard: { cgroup: false } })
  await lab.run('module', `globalThis.module = new WebAssembly.Module(${EMPTY_MODULE})`)
  await lab.run('other', 'globalThis.mark = 1')
  await lab.run('holder', HOLD(700))
  await expect.poll(() => lab.host.pids.length).toBe(3)
  await expect.poll(() => lab.send('module').then(({ status }) => status)).toBe(200)
  expect(await lab.run('other', 'return mark')).toBe(1)
})

it.runIf(hasCgroups)('a host removes the cgroups that a killed one has left, and no other', async () => {
  const read = (file: string): string => readFileSync(`/proc/self/${file}`, 'utf8')
  const { path } = findPlace(read('mountinfo'), read('cgroup')) as { path: string }
  const ended = spawn('true')
  await once(ended, 'exit')
  const [left, own] = [`unmoor-${ended.pid}-1`, `unmoor-${process.pid}-0`].map((name) => join(path, name))
  for (const folder of [left, own]) mkdirSync(folder as string)
  try {
    MemoryCgroups.find()
    expect([left, own].map((folder) => existsSync(folder as string))).toEqual([false, true])
  } finally {
    for (const folder of [left, own]) if (existsSync(folder as string)) rmdirSync(folder as string)
  }
})
