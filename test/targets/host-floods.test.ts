import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { objects as sqliteObjects, sql as sqliteSql } from '../../adapters/drivers/sqlite/index.ts'
import { sql as declareSql } from '../../core/bindings/declarations.ts'
import { migrate } from '../../core/bindings/migrations.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'
import { buildWorker } from './worker-lab.ts'

const TOKEN = 'correct horse'
let artifact: string
let objects: string
let lab: HostLab
beforeAll(async () => {
  artifact = await buildLab(labApp(`db: sql(), itself: unmoor.service({ app: 'lab' })`))
  objects = await buildWorker(
    { name: 'objects', durable_objects: { bindings: [{ name: 'ROOM', class_name: 'Room' }] } },
    `
import { DurableObject } from 'cloudflare:workers'
export class Room extends DurableObject {
  // As the guest's own code does it, without the checks of SqlStorage.
  run(text) { return this.ctx.storage.sql.exec(text).toArray() }
}
export default {
  async fetch(request, env) {
    if (new URL(request.url).pathname === '/late') {
      await new Promise((resolve) => setTimeout(resolve, 3000))
      return new Response('late')
    }
    const text = await request.text()
    if (text === '') return new Response('hello')
    return Response.json(await env.ROOM.getByName('a').run(text).catch((error) => error.message))
  },
}
`,
  )
  lab = await startHostLab({
    processes: 1,
    stallTimeout: 2,
    uploadTimeout: 2,
    admin: { port: 0, token: TOKEN },
    apps: {
      app: { dir: artifact, limits: { logBytes: 4096, serviceCalls: 20, waits: 50, concurrentUploads: 20 } },
      busy: { dir: artifact, limits: { concurrentRequests: 1, concurrentUploads: 20 } },
      other: { dir: artifact },
      // More than a new isolate's first request takes on any machine.
      objects: { dir: objects, limits: { cpuMs: 2000 } },
    },
  })
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  await Promise.all([artifact, objects].map((dir) => rm(dir, { recursive: true, force: true })))
})

async function hits(app: string, limit: string): Promise<number> {
  const text = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  return Number(
    new RegExp(`^unmoor_limit_hits_total\\{app="${app}",limit="${limit}"\\} (\\S+)$`, 'm').exec(text)?.[1] ??
      0,
  )
}

describe('the log', () => {
  it('of an app is cut beyond its limit, which is named and counted', async () => {
    await lab.run('other', `console.log('quiet before')`)
    await lab
      .run(
        'app',
        `for (let line = 0; line < 200; line++) console.log('x'.repeat(1000)); console.log('y'.repeat(3_000_000)); throw new Error('z'.repeat(100_000))`,
      )
      .catch(() => {})
    await expect
      .poll(() => lab.lines.join('\n'))
      .toMatch(
        /\[app\] The app logged more than its limit of logBytes, 4096 in a second: \d+ bytes of \d+ lines were left out/,
      )
    const bytes = lab.lines
      .filter((line) => line.startsWith('[app]'))
      .reduce((sum, { length }) => sum + length, 0)
    // What of two seconds, should a second have begun meanwhile, and the line that says so.
    expect(bytes).toBeLessThan(3 * 4096)
    await expect.poll(() => hits('app', 'logBytes')).toBeGreaterThanOrEqual(1)
    await lab.run('other', `console.log('quiet after')`)
    await expect.poll(() => lab.lines.join('\n')).toContain('[other] quiet after')
  })
})

describe('bodies that do not come', () => {
  /** Sends the head of an upload, and of its body a byte. */
  async function begin(app: string, path = '/'): Promise<{ socket: Socket; answer: Promise<string> }> {
    const socket = connect(Number(new URL(lab.host.url).port), '127.0.0.1')
    socket.setEncoding('utf8')
    socket.write(`POST ${path} HTTP/1.1\r\nHost: ${app}.localhost\r\nContent-Length: 500000\r\n\r\nx`)
    const answer = new Promise<string>((resolve) => {
      socket.once('data', (data) => resolve(String(data)))
      socket.once('error', () => resolve('reset'))
    })
    return { socket, answer }
  }

  it('take no place of requests that are there', async () => {
    const uploads = await Promise.all(Array.from({ length: 10 }, () => begin('busy')))
    expect((await lab.send('busy')).status).toBe(200)
    // Half of concurrentUploads is one address's.
    const more = await begin('busy')
    expect(await more.answer).toMatch(
      /^HTTP\/1.1 503[^]*limit of concurrentUploads, 20, or half of it from your address/,
    )
    expect((await lab.send('busy')).status).toBe(200)
    await expect.poll(() => hits('busy', 'concurrentUploads')).toBe(1)
    // A byte now and then is not enough.
    const dribbling = setInterval(() => uploads.forEach(({ socket }) => socket.write('x')), 100)
    for (const { answer } of uploads) expect(await answer).toMatch(/^HTTP\/1.1 (408|500)|^reset/)
    clearInterval(dribbling)
    for (const { socket } of [...uploads, more]) socket.destroy()
    // And they are gone: a whole one is taken again.
    await expect
      .poll(() => lab.send('busy', { method: 'POST', body: `/* ${'x'.repeat(100_000)} */ return 1` }))
      .toMatchObject({ status: 200 })
  })

  it('keep no request from an app that has a process of its own', async () => {
    const uploads = await Promise.all(Array.from({ length: 110 }, () => begin('objects')))
    // Requests over the half of one address are refused, so the others are where they count.
    await Promise.race(uploads.map(({ answer }) => answer))
    expect(await lab.send('objects')).toMatchObject({ status: 200 })
    for (const { socket } of uploads) socket.destroy()
    // The host sees each connection end in its own time, and counts an upload until then.
    await expect
      .poll(() => lab.send('objects', { method: 'POST', body: `/* ${'x'.repeat(100_000)} */ SELECT 1` }))
      .toMatchObject({ status: 200 })
  })

  it('are refused once, also where the app in a process of its own answers after that', async () => {
    const [shared] = lab.host.pids
    const { answer } = await begin('objects', '/late')
    expect(await answer).toMatch(/^HTTP\/1.1 408/)
    // By now the app has answered too.
    await sleep(2000)
    expect(lab.host.pids).toContain(shared)
    expect(lab.lines.join('\n')).not.toContain('exception of no app')
    expect(await lab.send('other')).toMatchObject({ status: 200 })
  })
})

describe('calls without end', () => {
  it('of an app that calls itself end at a limit that is named', async () => {
    const code = `globalThis.again = (env) => env.itself.fetch('https://x/', { method: 'POST', body: 'return globalThis.again(env)' })
      .then(async (answer) => (await answer.json()).value, (error) => error.message)
      return globalThis.again(env)`
    expect(await lab.run('app', code)).toContain('limit of serviceCalls, 20, open')
    await expect.poll(() => hits('app', 'serviceCalls')).toBeGreaterThanOrEqual(1)
    expect((await lab.send('app')).status).toBe(200)
  })

  it('of waitUntil replace the isolate', async () => {
    await lab.send('app', {
      method: 'POST',
      body: `for (let wait = 0; wait < 60; wait++) ctx.waitUntil(new Promise(() => {})); await new Promise((resolve) => setTimeout(resolve, 60_000))`,
    })
    await expect.poll(() => lab.lines.join('\n')).toContain('than its limit of waits, 50')
    await expect.poll(() => hits('app', 'waits')).toBe(1)
    expect((await lab.send('app')).status).toBe(200)
  })
})

describe('statements', () => {
  const MIGRATION_LIKE = [
    `PRAGMA journal_mode = DELETE`,
    `PRAGMA main.journal_mode`,
    `SELECT * FROM pragma_database_list`,
    `SELECT * FROM pragma_journal_mode`,
    `PRAGMA page_size = 512`,
    `PRAGMA writable_schema = ON`,
    `VACUUM INTO '/tmp/unmoor-stolen.db'`,
    `ATTACH '/tmp/unmoor-stolen.db' AS stolen`,
  ]
  it.each(MIGRATION_LIKE)('do not do this, whatever way they come: %s', async (statement) => {
    const answer = await lab.send('app', {
      method: 'POST',
      body: `return [await env.db.all(${JSON.stringify(statement)}).catch((error) => error.code), await env.db.batch([{ text: ${JSON.stringify(statement)}, params: [] }]).catch((error) => error.code ?? error.name)]`,
    })
    expect(answer.text).not.toContain(lab.dir)
    expect(answer.text).not.toContain('"name":"main"')
    const stored = await lab.send('objects', { method: 'POST', body: statement })
    expect(stored.text).toMatch(/not authorized|SQLITE_ERROR/)
    expect(stored.text).not.toContain(lab.dir)
    expect(existsSync('/tmp/unmoor-stolen.db')).toBe(false)
    expect(existsSync(join(lab.dir, 'data'))).toBe(true)
  })

  it.each(MIGRATION_LIKE)(
    'do not do this in a migration, nor past the checks of the guest: %s',
    async (statement) => {
      const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-statements-'))
      const context = { binding: 'b', app: 'a', dataDir, variable: () => undefined, now: Date.now }
      const sql = await sqliteSql({}, { ...context, declaration: declareSql() })
      const store = await sqliteObjects({}, { ...context, declaration: { kind: 'objects' } })
      try {
        const migration = { name: '1', checksum: '1', sql: { default: statement } }
        await expect(migrate(sql, 'b', [migration])).rejects.toThrow()
        expect(() => store.query('o', statement, [])).toThrow()
        await expect(migrate(sql, 'b', [])).resolves.toEqual({ applied: [], already: [] })
        expect(existsSync('/tmp/unmoor-stolen.db')).toBe(false)
      } finally {
        await store.close?.()
        await sql.close?.()
        await rm(dataDir, { recursive: true, force: true })
      }
    },
  )

  it('of objects have the limits of size that sql has', async () => {
    const big = await lab.send('objects', { method: 'POST', body: 'SELECT length(zeroblob(3000000)) AS n' })
    expect(big.text).toContain('too big')
  })

  it('of objects without end end their process at the limit, and the app is there again', async () => {
    const endless = `WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS n FROM c`
    expect(await lab.send('objects', { method: 'POST', body: endless })).toMatchObject({ status: 503 })
    expect(lab.lines.join('\n')).toContain(
      'for longer than its limit of cpuMs, 2000 ms, and stallTimeout, 2 s',
    )
    await expect.poll(() => lab.send('objects').then(({ status }) => status)).toBe(200)
    await expect.poll(() => hits('objects', 'cpuMs')).toBe(1)
  })
})
