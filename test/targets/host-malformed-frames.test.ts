import { rm } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { buildLab, startHostLab } from './host-lab.ts'
import { attack, ECHO_APP, ECHO_WORKER, FAULT_NAMES } from './malformed-frames.ts'
import { buildWorker } from './worker-lab.ts'

/** Attacks an app of a host, and its neighbour beside it, and checks that no process of the host ends. */
async function attackHost(artifact: string, maxMessage: number): Promise<void> {
  try {
    await using lab = await startHostLab({ apps: { a: { dir: artifact }, neighbour: { dir: artifact } } })
    const pids = [...lab.host.pids]
    const [report, beside] = await Promise.all(
      (
        [
          ['a', 1000],
          ['neighbour', 50],
        ] as const
      ).map(([app, count]) =>
        attack({
          url: lab.host.url,
          path: '/chat',
          headers: { Host: `${app}.localhost` },
          maxMessage,
          count,
        }),
      ),
    )
    expect([report?.wrong, beside?.wrong]).toEqual([[], []])
    expect(Object.keys(report?.sent ?? {}).sort()).toEqual([...FAULT_NAMES].sort())
    expect(Object.values(report?.sent ?? {}).reduce((sum, one) => sum + one, 0)).toBe(1000)
    expect(report?.echoed).toBeGreaterThan(0)
    expect(lab.host.pids).toEqual(pids)
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
}

it('1,000 malformed sequences of frames each end their own socket of a host, no process', async () => {
  await attackHost(await buildLab(ECHO_APP), 32_768)
})

it('1,000 malformed sequences of frames each end their own socket of a Worker on a host', async () => {
  const worker = await buildWorker({ name: 'echo', compatibility_date: '2026-01-01' }, ECHO_WORKER)
  await attackHost(worker, 32 * 1024 * 1024)
})
