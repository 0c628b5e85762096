import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { onFirstCore } from '../../adapters/isolate/engine/thread-clock.ts'

const hasTools = spawnSync('taskset', ['--version']).status === 0
if (!hasTools) console.warn('work beside others on a core: skipped, there is no taskset (util-linux)')

const MODULE = new URL('../../dist/adapters/isolate/engine/thread-clock.js', import.meta.url).href
/** Works for 300 ms of CPU time and tells what that was by the clock, on the core and by the estimate. */
const WORK = `
const { onFirstCore, readThreads } = await import(${JSON.stringify(MODULE)})
const used = () => { const { user, system } = process.threadCpuUsage(); return user + system }
readThreads()
const [began, before] = [performance.now(), used()]
while (used() - before < 300_000);
const wall = (performance.now() - began) * 1000
console.log(JSON.stringify({ wall, cpu: used() - before, estimate: onFirstCore(wall) }))
`

it.skipIf(!hasTools)('work that shares its core counts as the time that it had of it', async () => {
  const core = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] as string
  const rivals: ChildProcess[] = Array.from({ length: 3 }, () =>
    spawn('taskset', ['-c', core, process.execPath, '-e', "process.stdout.write('.'); for (;;);"], {
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  )
  try {
    for (const { stdout } of rivals) await once(stdout as NodeJS.EventEmitter, 'data')
    const args = ['-c', core, process.execPath, '--input-type=module', '-e', WORK]
    const child = spawn('taskset', args, { stdio: ['ignore', 'pipe', 'inherit'] })
    const { wall, cpu, estimate } = JSON.parse(await text(child.stdout)) as Record<string, number>
    // Three others want the core as much: the clock says some four times the work.
    expect(wall).toBeGreaterThan((cpu as number) * 1.5)
    expect(estimate).toBeLessThan(((cpu as number) + (wall as number)) / 2)
    expect(estimate).toBeGreaterThan((cpu as number) * 0.7)
  } finally {
    for (const rival of rivals) rival.kill('SIGKILL')
  }
})

it('a short piece is taken as it is', () => {
  expect(onFirstCore(4999)).toBe(4999)
})
