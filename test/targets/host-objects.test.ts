import { rm } from 'node:fs/promises'
import { request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { type HostLab, startHostLab } from './host-lab.ts'
import { buildCounter, buildWorker, type Hit } from './worker-lab.ts'

const TOKEN = 'correct horse'
let artifact: string
beforeAll(async () => {
  artifact = await buildCounter()
})
afterAll(() => rm(artifact, { recursive: true, force: true }))

const word = (text: string): object => ({ variables: { WORD: text } })

async function hit(lab: HostLab, path = '/'): Promise<Hit> {
  const { status, text } = await lab.send('counter', { path })
  expect([status, text]).toEqual([200, expect.stringContaining('stored')])
  return JSON.parse(text) as Hit
}

test('an app with Durable Objects is served after each further deploy, settings change and rollback', async () => {
  await using lab = await startHostLab({ admin: { port: 0, token: TOKEN } })
  const client = new DeployClient({ url: lab.host.adminUrl as string, token: TOKEN })
  await client.deploy('counter', artifact, { settings: word('v0') })
  const hits: Hit[] = [await hit(lab)]
  const failed: string[] = []
  const load = { on: true }
  const clients = Array.from({ length: 3 }, async () => {
    while (load.on) {
      const { status, text } = await lab.send('counter')
      if (status === 200) hits.push(JSON.parse(text) as Hit)
      else failed.push(`${status}: ${text}`)
    }
  })
  for (let change = 1; change <= 5; change++) {
    const settings = word(`v${change}`)
    if (change % 2 === 0) await client.deploy('counter', artifact, { settings })
    else await client.configure('counter', settings)
    expect((await hit(lab)).word).toBe(`v${change}`)
    await expect.poll(() => hits.some((one) => one.word === `v${change}`)).toBe(true)
  }
  await client.rollBack('counter')
  expect(await hit(lab)).toMatchObject({ word: 'v5' })
  load.on = false
  await Promise.all(clients)
  expect(failed).toEqual([])
  // One writer at any time: no count was given twice, and each incarnation's are in a row.
  const all = hits.toSorted((a, b) => a.stored - b.stored)
  expect(new Set(all.map(({ stored }) => stored)).size).toBe(all.length)
  const incarnations = new Map(all.map(({ id, stored, memory }) => [id, stored - memory]))
  for (const { id, stored, memory } of all) expect(stored - memory).toBe(incarnations.get(id))
})

test('a version with Durable Objects starts once what is under way in the one before it is over', async () => {
  await using lab = await startHostLab({ processes: 1, stopTimeout: 3600, admin: { port: 0, token: TOKEN } })
  const client = new DeployClient({ url: lab.host.adminUrl as string, token: TOKEN })
  await client.deploy('counter', artifact, { settings: word('old') })
  const old = lab.host.pids[1] as number
  const upload = request(lab.host.url, {
    method: 'POST',
    agent: false,
    headers: { host: 'counter.localhost', 'content-length': 2 },
  })
  const slow = new Promise<string>((resolve, reject) => {
    upload.once('error', reject)
    upload.once('response', (answer) => void text(answer).then(resolve, reject))
  })
  upload.write('a')
  // It is under way by then: what comes after it has been answered.
  await hit(lab)
  const deployed = client.deploy('counter', artifact, { settings: word('new') })
  await expect.poll(() => lab.host.pids).not.toContain(old)
  const waiting = hit(lab)
  upload.end('b')
  const last = JSON.parse(await slow) as Hit
  expect(last.word).toBe('old')
  await deployed
  const next = await waiting
  if (next.word === 'new') expect(next.stored).toBeGreaterThan(last.stored)
  expect((await hit(lab)).word).toBe('new')
  expect(() => process.kill(old, 0)).toThrow()
})

test('an isolate that is stopped in the middle of a write leaves no transaction to the next one', async () => {
  const artifact = await buildWorker(
    { name: 'stuck', durable_objects: { bindings: [{ name: 'ROOM', class_name: 'Room' }] } },
    `
import { DurableObject } from 'cloudflare:workers'
export class Room extends DurableObject {
  async hit(loops) {
    const { sql } = this.ctx.storage
    sql.exec('CREATE TABLE IF NOT EXISTS hits (a)')
    await null
    sql.exec('INSERT INTO hits VALUES (1)')
    while (loops);
    return sql.exec('SELECT count(*) AS n FROM hits').one().n
  }
}
export default {
  async fetch(request, env) { return Response.json(await env.ROOM.getByName('a').hit(request.method === 'POST')) },
}
`,
  )
  await using lab = await startHostLab({
    processes: 1,
    limits: { startupCpuMs: 60_000 },
    apps: { stuck: { dir: artifact, limits: { cpuMs: 500, wallTimeout: 600 } } },
  })
  const counts = async (): Promise<string> => {
    // A commit waits for the disk, which counts: on a slow one the limit may come first.
    for (;;) {
      const { status, text } = await lab.send('stuck')
      if (status === 200 || !text.includes('CPU time')) return text
    }
  }
  try {
    const first = Number(await counts())
    expect(await lab.send('stuck', { method: 'POST' })).toMatchObject({
      status: 503,
      text: expect.stringContaining('500 ms of CPU time'),
    })
    // What the stopped one wrote was told to nobody.
    expect(Number(await counts())).toBe(first + 1)
    expect(Number(await counts())).toBe(first + 2)
  } finally {
    await rm(artifact, { recursive: true, force: true })
  }
})
