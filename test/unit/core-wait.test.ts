import { spawn, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { waitedForCore } from '../../adapters/isolate/host/core-wait.ts'

const hasTools = spawnSync('chrt', ['--version']).status === 0 && spawnSync('taskset', ['--version']).status === 0
if (!hasTools) console.warn('waiting for a core: skipped, there is no chrt or taskset (util-linux)')

it.skipIf(!hasTools)('a process that gets no core waits for one; one that sleeps does not', async () => {
  const loop = 'for (;;);'
  const core = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] as string
  const children = [
    spawn('taskset', ['-c', core, process.execPath, '-e', loop]),
    spawn('taskset', ['-c', core, 'chrt', '--idle', '0', process.execPath, '-e', loop]),
    spawn(process.execPath, ['-e', 'setTimeout(() => {}, 60_000)']),
  ]
  const [, starved, asleep] = children.map(({ pid }) => pid)
  try {
    await sleep(500)
    const before = [waitedForCore(starved), waitedForCore(asleep)] as const
    await sleep(1500)
    expect(waitedForCore(starved) - before[0]).toBeGreaterThan(700)
    expect(waitedForCore(asleep) - before[1]).toBeLessThan(300)
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
})

it('nothing is known of a process that is not there', () => {
  expect([waitedForCore(undefined), waitedForCore(2 ** 30)]).toEqual([0, 0])
})
