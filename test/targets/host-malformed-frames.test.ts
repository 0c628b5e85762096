import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildLab, startHostLab } from './host-lab.ts'
import { attack, ECHO_APP, FAULT_NAMES } from './malformed-frames.ts'

let artifact: string
beforeAll(async () => {
  artifact = await buildLab(ECHO_APP)
})
afterAll(() => rm(artifact, { recursive: true, force: true }))

it('1,000 malformed sequences of frames each end their own socket of a host, no process', async () => {
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
        maxMessage: 32_768,
        count,
      }),
    ),
  )
  expect([report?.wrong, beside?.wrong]).toEqual([[], []])
  expect(Object.keys(report?.sent ?? {}).sort()).toEqual([...FAULT_NAMES].sort())
  expect(report?.echoed).toBeGreaterThan(0)
  expect(lab.host.pids).toEqual(pids)
})
