import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildLab, labApp, startHostLab } from './host-lab.ts'

let artifact: string
beforeAll(async () => {
  artifact = await buildLab(labApp('db: sql()'))
})
afterAll(() => rm(artifact, { recursive: true, force: true }))

/** A statement of so many rows. */
const count = (rows: number): string =>
  `return await env.db.all('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT ${rows}) SELECT count(*) AS n FROM c')`

/** CPU time of a process, which is never more than what passes by the clock. */
function cpuSeconds(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

it('a statement of seconds is the app’s CPU time; the second one makes it move', async () => {
  await using lab = await startHostLab({
    processes: 1,
    stallTimeout: 60,
    limits: { cpuMs: 500, wallTimeout: 600 },
    apps: {
      measured: { dir: artifact, limits: { cpuMs: 20_000 } },
      hog: { dir: artifact },
      neighbour: { dir: artifact },
    },
  })
  expect(await lab.send('hog', { method: 'POST', body: count(10) })).toEqual({
    status: 200,
    text: '{"value":[{"n":10}]}',
  })
  // So many rows as take this machine well over a second, which is how long a statement must be to make its
  // app move.
  const before = cpuSeconds(lab.host.pids[0] as number)
  await lab.run('measured', count(2_000_000))
  const rows = Math.ceil((2_000_000 * 2.5) / (cpuSeconds(lab.host.pids[0] as number) - before))
  for (let time = 1; time <= 2; time++) {
    const { status, text } = await lab.send('hog', { method: 'POST', body: count(rows) })
    expect([status, text]).toEqual([
      503,
      expect.stringContaining('more than its limit of 500 ms of CPU time'),
    ])
  }
  await expect.poll(() => lab.lines.join('\n')).toContain('from now on it has one of its own')
})
