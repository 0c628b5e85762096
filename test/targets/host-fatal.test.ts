import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

let artifact: string
beforeAll(async () => {
  artifact = await buildLab(labApp('db: sql()'))
})
afterAll(() => rm(artifact, { recursive: true, force: true }))

/** What nothing can stop, and the limit of CPU time beside which it comes to that. */
const FATAL: Readonly<Record<string, readonly [code: string, cpuMs: number]>> = {
  'an array that V8 cannot make': [`return 'x'.repeat(1 << 28).split('').length`, 60_000],
  'a built-in function that V8 cannot end': [`return [].indexOf.call({ length: 2 ** 53 - 1 }, 1)`, 200],
  'a statement without end': [
    `return env.db.all('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) FROM c')`,
    200,
  ],
}
const PROCESSES = 2

async function answers(lab: HostLab, app: string): Promise<void> {
  while ((await lab.send(app).catch(() => ({ status: 0 }))).status !== 200) await sleep(5)
}

it.each(Object.entries(FATAL))(
  'an app that ends a process by %s ends one, and no other under its name, whatever version comes',
  // Three times ten seconds of CPU time, on a core that others may want.
  { timeout: 600_000 },
  async (_name, [code, cpuMs]) => {
    await using lab = await startHostLab({
      processes: PROCESSES,
      stallTimeout: 4,
      limits: { cpuMs, memoryMb: 512, wallTimeout: 600 },
      admin: { port: 0, token: 't0ken' },
      apps: { other: { dir: artifact, limits: { cpuMs: 60_000 } } },
    })
    const client = new DeployClient({ url: lab.host.adminUrl as string, token: 't0ken' })
    await client.deploy('killer', artifact)
    await answers(lab, 'killer')
    const shared = new Set(lab.host.pids)
    const isThere = (): number => lab.host.pids.filter((pid) => shared.has(pid)).length
    const ended = async (): Promise<number> => {
      const metrics = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
      return Number(/^unmoor_process_restarts (\d+)$/m.exec(metrics)?.[1])
    }
    for (let attack = 1; attack <= 3; attack++) {
      await lab.send('killer', { method: 'POST', body: code }).catch(() => {})
      // Its client may be answered long before: a process is ended after seconds of CPU time, not of the clock.
      while ((await ended()) < attack) await sleep(20)
      expect(await ended()).toBe(attack)
      await expect
        .poll(() => lab.lines.join('\n'))
        .toContain(
          '"killer" has ended a process by what nothing can stop; from now on it has one of its own.',
        )
      await answers(lab, 'other')
      await answers(lab, 'killer')
      // The first has taken one along, which is replaced; the others their own alone.
      expect(isThere(), lab.lines.join('\n')).toBe(PROCESSES - 1)
      if (attack === 2) {
        await client.deploy('killer', artifact)
        await answers(lab, 'killer')
      }
    }
    // Nobody else was blamed.
    expect(lab.lines.join('\n')).not.toContain('"other" has')
  },
)
