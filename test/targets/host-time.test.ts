import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildLab, labApp, startHostLab } from './host-lab.ts'

let artifact: string
beforeAll(async () => {
  artifact = await buildLab(labApp('db: sql(), kv: kv()'))
})
afterAll(() => rm(artifact, { recursive: true, force: true }))

const counting = (rows: number): string =>
  `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT ${rows}) SELECT`

it('statements that are short one by one are held to hostMs by their sum, and their app moves', async () => {
  await using lab = await startHostLab({
    processes: 1,
    limits: { cpuMs: 60_000, hostMs: 50 },
    admin: { port: 0 },
    apps: { hog: { dir: artifact }, other: { dir: artifact } },
  })
  await lab.run('other', `await env.kv.put('k', 'kept')`)
  const shared = lab.host.pids[0]
  // Each is far below the second that makes an app move by itself.
  const body = `await env.db.all('${counting(100_000)} count(*) AS n FROM c')`
  const stop = new AbortController()
  const hogs = Array.from({ length: 6 }, async () => {
    while (!stop.signal.aborted) await lab.send('hog', { method: 'POST', body }).catch(() => {})
  })
  while (lab.host.pids.length < 2) {
    expect(await lab.run('other', `return await env.kv.get('k')`)).toBe('kept')
    await sleep(20)
  }
  stop.abort()
  await Promise.all(hogs)
  expect(lab.lines.join('\n')).toContain('"hog" hits its limits')
  expect(lab.lines.join('\n')).not.toContain('has held its process up')
  const metrics = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  expect(metrics).toMatch(/unmoor_limit_hits_total\{app="hog",limit="hostMs"\} [1-9]/)
  expect(metrics).not.toMatch(/app="other",limit="hostMs"/)
  // The neighbours' process is the same one.
  expect(lab.host.pids[0]).toBe(shared)
})

it('a result beyond resultBytes is an error with the name of the limit, and one below it is none', async () => {
  await using lab = await startHostLab({
    processes: 1,
    limits: { resultBytes: 1_000_000, hostMs: 60_000, cpuMs: 60_000 },
    admin: { port: 0 },
    apps: { app: { dir: artifact } },
  })
  const all = (sql: string): string => `return (await env.db.all(${JSON.stringify(sql)})).length`
  // 80 bytes a row, about: 64 and 16 by what is counted.
  expect(await lab.run('app', all(`${counting(10_000)} n FROM c`))).toBe(10_000)
  for (const sql of [`${counting(60_000_000)} n FROM c`, `${counting(10)} randomblob(200000) AS b FROM c`]) {
    const { status, text } = await lab.send('app', { method: 'POST', body: all(sql) })
    expect([status, JSON.parse(text)]).toEqual([
      299,
      expect.objectContaining({
        code: 'LimitExceeded',
        message: expect.stringContaining('limits.resultBytes'),
      }),
    ])
  }
  // What a refused statement would have written is not there.
  await lab.run('app', `await env.db.run('CREATE TABLE t (b)')`)
  const insert = `INSERT INTO t ${counting(10)} randomblob(200000) FROM c RETURNING b`
  expect((await lab.send('app', { method: 'POST', body: all(insert) })).status).toBe(299)
  expect(await lab.run('app', `return (await env.db.all('SELECT count(*) AS n FROM t'))[0].n`)).toBe(0)
  const metrics = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  expect(metrics).toMatch(/limit="resultBytes"\} 3/)
})
