import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

let artifact: string
beforeAll(async () => {
  artifact = await buildLab(labApp(''))
})
afterAll(() => rm(artifact, { recursive: true, force: true }))

/** V8 cannot make an array of so many, and ends the process. */
const FATAL = `return 'x'.repeat(1 << 28).split('').length`
const PROCESSES = 2

async function answers(lab: HostLab, app: string): Promise<void> {
  while ((await lab.send(app).catch(() => ({ status: 0 }))).status !== 200) await sleep(5)
}

it('an app that V8 ends a process for ends one, and no other under its name, whatever version comes', async () => {
  await using lab = await startHostLab({
    processes: PROCESSES,
    limits: { cpuMs: 60_000, memoryMb: 512 },
    admin: { port: 0, token: 't0ken' },
    apps: { other: { dir: artifact } },
  })
  const client = new DeployClient({ url: lab.host.adminUrl as string, token: 't0ken' })
  await client.deploy('killer', artifact)
  await answers(lab, 'killer')
  const shared = new Set(lab.host.pids)
  const isThere = (): number => lab.host.pids.filter((pid) => shared.has(pid)).length
  for (let attack = 1; attack <= 4; attack++) {
    await lab.send('killer', { method: 'POST', body: FATAL }).catch(() => {})
    await answers(lab, 'other')
    await answers(lab, 'killer')
    // The first has taken one along, which is replaced; the others their own alone.
    expect(isThere()).toBe(PROCESSES - 1)
    if (attack === 2) {
      await client.deploy('killer', artifact)
      await answers(lab, 'killer')
    }
  }
  expect(lab.lines.join('\n')).toContain(
    '"killer" has ended a process in a way that V8 cannot be kept from; from now on it has one of its own.',
  )
  // Nobody else was blamed.
  expect(lab.lines.join('\n')).not.toContain('"other" has')
})
