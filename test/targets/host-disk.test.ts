import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'
import { buildWorker } from './worker-lab.ts'

let artifact: string
let room: string
let lab: HostLab
beforeAll(async () => {
  artifact = await buildLab(
    labApp(`kv: kv(), db: sql(), files: unmoor.blob(), jobs: queue()`, 'queues: { jobs: async () => {} },'),
  )
  room = await buildWorker(
    { name: 'room', durable_objects: { bindings: [{ name: 'ROOM', class_name: 'Room' }] } },
    `
import { DurableObject } from 'cloudflare:workers'
export class Room extends DurableObject {
  run(text) { return this.ctx.storage.sql.exec(text).toArray() }
}
export default {
  fetch: async (request, env) =>
    Response.json(await env.ROOM.getByName('a').run((await request.text()) || 'SELECT 1').catch((error) => error.message)),
}
`,
  )
  lab = await startHostLab({
    processes: 1,
    admin: { port: 0 },
    limits: { diskMb: 4 },
    apps: {
      metadata: { dir: artifact },
      messages: { dir: artifact },
      sql: { dir: artifact },
      data: { dir: artifact },
      room: { dir: room },
      other: { dir: artifact },
    },
  })
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  await Promise.all([artifact, room].map((dir) => rm(dir, { recursive: true, force: true })))
})

/** Fills a table until that is refused; returns the error. */
const FILL = `
  await env.db.run('CREATE TABLE IF NOT EXISTS t (id INTEGER PRIMARY KEY, a BLOB)')
  for (let row = 0; row < 200; row++) {
    const error = await env.db.run('INSERT INTO t (a) VALUES (randomblob(100000))').catch((error) => error)
    if (error instanceof Error) return [error.code, error.message]
  }
  return 'all'
`
const LIMIT = [
  'LimitExceeded',
  expect.stringMatching(/limit of diskMb, 4 MB. Delete some, or raise limits.diskMb/),
]

describe('a tenant’s disk', () => {
  it('takes no more rows than its limit, by no statement; deletions make room again', async () => {
    expect(await lab.run('sql', FILL)).toEqual(LIMIT)
    const atOnce = `return await env.db.batch([{ text: 'DELETE FROM t WHERE id = 1', params: [] }]).then(() => env.db.run('CREATE TABLE u AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 300) SELECT randomblob(100000) AS a FROM c')).catch((error) => [error.code, error.message])`
    expect(await lab.run('sql', atOnce)).toEqual(LIMIT)
    // Nor by what a deletion sets off.
    await lab.run('sql', `await env.db.run('CREATE TABLE s (a)').catch(() => {})`)
    await lab.run('sql', `await env.db.run('DELETE FROM t WHERE id < 20')`)
    expect(
      await lab.run(
        'sql',
        `return (await env.db.run('INSERT INTO t (a) VALUES (randomblob(1000))')).changes`,
      ),
    ).toBe(1)
    // Its neighbours have their own.
    expect(await lab.run('other', `await env.kv.put('k', 'v'); return env.kv.get('k')`)).toBe('v')
    const metrics = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
    expect(metrics).toMatch(/unmoor_limit_hits_total\{app="sql",limit="diskMb"\} [1-9]/)
  })

  it('takes no more blobs, whole or in pieces, entries and messages; deletions make room again', async () => {
    const code = `
      const put = (key, body) => env.files.put(key, body).then(() => 'put', (error) => [error.code, error.message])
      const stream = () => new ReadableStream({ start(c) { for (let part = 0; part < 6; part++) c.enqueue(new Uint8Array(1e6)); c.close() } })
      const results = [await put('big', new Uint8Array(6e6)), await put('stream', stream())]
      for (let part = 0; part < 5; part++) results.push(await put('part-' + part, new Uint8Array(1e6)))
      return results
    `
    const results = (await lab.run('data', code)) as unknown[]
    expect(results.slice(0, 2)).toEqual([LIMIT, LIMIT])
    expect(results.at(-1)).toEqual(LIMIT)
    await expect
      .poll(() =>
        lab.run(
          'data',
          `return env.kv.put(crypto.randomUUID(), 'v'.repeat(1_000_000)).then(() => 'put', (error) => error.code)`,
        ),
      )
      .toBe('LimitExceeded')
    await lab.run(
      'data',
      `for (let part = 0; part < 5; part++) await env.files.delete('part-' + part)
       for (const { name } of (await env.kv.list()).keys) await env.kv.delete(name)`,
    )
    await expect
      .poll(() => lab.run('data', `return env.jobs.send('x').then(() => 'sent', (error) => error.code)`))
      .toBe('sent')
  })

  it('takes no more of what is small: keys, metadata, messages, whenever the folder is looked at', async () => {
    const code = (write: string): string => `
      let written = 0
      for (let turn = 0; turn < 400; turn++)
        for (const result of await Promise.all(Array.from({ length: 50 }, (_, index) => ${write}.then(() => 1, (error) => error.code))))
          if (result === 1) written++
          else return [result, written < 12_000]
      return written`
    for (const [app, write] of [
      ['metadata', `env.kv.put(turn + '-' + index, '', { metadata: { text: 'x'.repeat(900) } })`],
      ['messages', `env.jobs.send('x'.repeat(900), { delaySeconds: 600 })`],
    ] as const)
      expect(await lab.run(app, code(write))).toEqual(['LimitExceeded', true])
  })

  it('takes no more of Durable Objects', async () => {
    const run = (text: string): Promise<string> =>
      lab.send('room', { method: 'POST', body: text }).then(({ text }) => text)
    await run('CREATE TABLE t (a)')
    await expect
      .poll(() => run('INSERT INTO t VALUES (randomblob(500000))'))
      .toContain('limit of diskMb, 4 MB')
    expect(await run('DELETE FROM t')).toBe('[]')
    expect(await run('INSERT INTO t VALUES (1)')).toBe('[]')
  })
})
