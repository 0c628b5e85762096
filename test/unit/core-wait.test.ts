import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { coreTimes } from '../../adapters/isolate/host/supervisor/core-wait.ts'
import { PATIENCE } from '../patience.ts'

const hasTools =
  spawnSync('chrt', ['--version']).status === 0 && spawnSync('taskset', ['--version']).status === 0
if (!hasTools) console.warn('waiting for a core: skipped, there is no chrt or taskset (util-linux)')

it.skipIf(!hasTools)('a process that gets no core waits for one; one that sleeps does not', async () => {
  const loop = 'for (;;);'
  const core = /^Cpus_allowed_list:\s*(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] as string
  const sleeping = spawn(
    process.execPath,
    ['-e', "process.stdout.write('asleep'); setTimeout(() => {}, 600_000)"],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  )
  const children: ChildProcess[] = [
    sleeping,
    spawn('taskset', ['-c', core, process.execPath, '-e', loop]),
    spawn('taskset', ['-c', core, 'chrt', '--idle', '0', process.execPath, '-e', loop]),
  ]
  try {
    await once(sleeping.stdout, 'data')
    const [asleep, , starved] = children.map(({ pid }) => pid)
    const before = { asleep: coreTimes(asleep).waited, starved: coreTimes(starved).waited }
    const waited = (): number => coreTimes(starved).waited - before.starved
    await expect.poll(waited, PATIENCE).toBeGreaterThan(300)
    // Both had the same time: the one that sleeps is the control.
    expect(coreTimes(asleep).waited - before.asleep).toBeLessThan(waited() / 2)
  } finally {
    for (const child of children) child.kill('SIGKILL')
  }
})

it('nothing is known of a process that is not there', () => {
  const none = { ran: 0, waited: 0 }
  expect([coreTimes(undefined), coreTimes(2 ** 30)]).toEqual([none, none])
})
