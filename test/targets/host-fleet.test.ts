import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'
import { admin, postgresAnswers, URL_OF_SERVER } from '../drivers/postgres-server.ts'

const TOKEN = 'correct horse'
const postgres = await postgresAnswers('hosts that share a Postgres')
let artifact: string
beforeAll(async () => {
  process.env['UNMOOR_HOST_KEY'] = 'key of the fleet'
  artifact = await buildLab(labApp('kv: kv(), db: sql(), jobs: queue()'))
})
afterAll(async () => {
  delete process.env['UNMOOR_HOST_KEY']
  await admin.end()
  await rm(artifact, { recursive: true, force: true })
})

const clientOf = (lab: HostLab): DeployClient =>
  new DeployClient({ url: lab.host.adminUrl as string, token: TOKEN })
const word = (text: string): object => ({ variables: { WORD: text } })
const text = (lab: HostLab, app: string): Promise<string> =>
  lab.send(app).then((answer) => (answer.status === 200 ? answer.text : String(answer.status)))

async function follows(a: HostLab, b: HostLab): Promise<void> {
  const [first, second] = [clientOf(a), clientOf(b)]
  await first.deploy('shop', artifact, { settings: word('one') })
  await expect.poll(() => text(b, 'shop')).toBe('one /')
  await second.deploy('shop', artifact, { settings: word('two') })
  await expect.poll(() => text(a, 'shop')).toBe('two /')
  // At the same time, on both.
  const versions = await Promise.all([
    first.deploy('shop', artifact),
    second.deploy('shop', artifact),
    second.deploy('other', artifact, { settings: word('other') }),
  ])
  expect(new Set(versions.slice(0, 2).map(({ deployed }) => deployed))).toEqual(new Set([3, 4]))
  await expect
    .poll(async () => (await first.describe('shop')).version === (await second.describe('shop')).version)
    .toBe(true)
  await expect.poll(() => text(a, 'other')).toBe('other /')
  await first.configure('shop', word('three'))
  await expect.poll(() => text(b, 'shop')).toBe('three /')
  await expect(
    first
      .deploy('third', artifact, { settings: { paths: ['/x'] } })
      .then(() => second.deploy('fourth', artifact, { settings: { paths: ['/x'] } })),
  ).rejects.toMatchObject({
    code: 'AlreadyExists',
  })
  await second.remove('shop')
  await expect.poll(() => text(a, 'shop')).toBe('404')
}

it('hosts that share embedded files pick up what the other has deployed', async () => {
  await using a = await startHostLab({ processes: 1, pollMs: 200, admin: { port: 0, token: TOKEN } })
  const store = {
    sql: { driver: 'sqlite', path: join(a.dir, 'data/store/deploys.sqlite') },
    blob: { driver: 'fs', path: join(a.dir, 'data/store/files') },
  }
  await using b = await startHostLab({ processes: 1, pollMs: 200, admin: { port: 0, token: TOKEN }, store })
  await follows(a, b)
  // Settings are sealed: a host with another key says so.
  process.env['UNMOOR_HOST_KEY'] = 'another'
  await using c = await startHostLab({ processes: 1, admin: { port: 0, token: TOKEN }, store })
  process.env['UNMOOR_HOST_KEY'] = 'key of the fleet'
  expect(c.lines.join('\n')).toContain('Start the host with the UNMOOR_HOST_KEY that they were stored with')
})

it.runIf(postgres)('hosts that share a Postgres do, and keep the data of apps apart in it', async () => {
  const database = `unmoor_test_${randomUUID().replaceAll('-', '')}`
  await admin.unsafe(`CREATE DATABASE ${database}`)
  const url = Object.assign(new URL(URL_OF_SERVER), { pathname: `/${database}` }).href
  try {
    const drivers = {
      kv: { driver: 'postgres', url, max: 2 },
      queue: { driver: 'postgres', url, max: 2 },
      sql: { driver: 'postgres', url },
    }
    await using a = await startHostLab({
      processes: 1,
      pollMs: 200,
      admin: { port: 0, token: TOKEN },
      store: { sql: { driver: 'postgres', url } },
      drivers,
    })
    const store = {
      sql: { driver: 'postgres', url },
      blob: { driver: 'fs', path: join(a.dir, 'data/store/files') },
    }
    await using b = await startHostLab({
      processes: 1,
      pollMs: 200,
      admin: { port: 0, token: TOKEN },
      store,
      drivers,
      cronStore: { driver: 'postgres', url },
    })
    await follows(a, b)

    await clientOf(a).deploy('left', artifact)
    await clientOf(a).deploy('right', artifact)
    await a.run(
      'left',
      `await env.kv.put('k', 'of left'); await env.db.run('CREATE TABLE t (a TEXT)'); await env.db.run("INSERT INTO t VALUES ('of left')")`,
    )
    // Both hosts see the app's data, as its drivers are shared.
    await expect
      .poll(() =>
        b
          .run('left', `return [await env.kv.get('k'), (await env.db.first('SELECT a FROM t')).a]`)
          .catch(() => undefined),
      )
      .toEqual(['of left', 'of left'])
    expect(await a.run('right', `return await env.kv.get('k')`)).toBeNull()
    await expect(a.run('right', `return await env.db.all('SELECT * FROM t')`)).rejects.toMatchObject({
      code: 'NotFound',
    })
    // No name opens the other's schema, or the host's own tables with all apps' entries and settings.
    const schemas =
      (await admin.unsafe(`SELECT 1`)) &&
      (await a.run(
        'right',
        `return (await env.db.all("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'unmoor_left%'")).map((row) => row.nspname)`,
      ))
    const [schema] = schemas as [string]
    expect(schema).toMatch(/^unmoor_left_/)
    for (const table of [`"${schema}".t`, 'public.unmoor_kv', 'public.unmoor_host_apps', 'unmoor_messages'])
      await expect(a.run('right', `return await env.db.all('SELECT * FROM ${table}')`)).rejects.toMatchObject(
        {
          code: expect.stringMatching(/PermissionDenied|NotFound/),
        },
      )
    for (const statement of [
      `SET ROLE "${schema}"`,
      `CREATE TABLE "${schema}".x (a TEXT)`,
      `CREATE TABLE public.x (a TEXT)`,
      `CREATE ROLE boss SUPERUSER`,
    ])
      await expect(a.run('right', `await env.db.run(${JSON.stringify(statement)})`)).rejects.toThrow()
  } finally {
    await admin.unsafe(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`)
    for (const { rolname } of await admin.unsafe(
      `SELECT rolname FROM pg_roles WHERE rolname ~ '^unmoor_(left|right|shop|other|third|fourth)_'`,
    ))
      await admin.unsafe(`DROP ROLE IF EXISTS "${rolname}"`).catch(() => {})
  }
})

it('a host takes over from another on the same port without losing a request', async () => {
  await using old = await startHostLab({ processes: 1, admin: { port: 0, token: TOKEN } })
  await clientOf(old).deploy('shop', artifact, { settings: word('served') })
  const port = Number(new URL(old.host.url).port)
  await expect(startHostLab({ processes: 1, port })).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining('in use'),
  })
  const agent = new Agent({ keepAlive: true })
  const failed: string[] = []
  const going = { on: true }
  let served = 0
  const load = Array.from({ length: 6 }, async () => {
    while (going.on) {
      const answer = await send(port, agent)
      if (answer === 'served /') served++
      else failed.push(answer)
    }
  })
  await using next = await startHostLab({
    processes: 1,
    port,
    sharePort: true,
    dataDir: join(old.dir, 'data'),
    admin: { port: 0, token: TOKEN },
  })
  await old.host.stop()
  const before = served
  await expect.poll(() => served).toBeGreaterThan(before)
  going.on = false
  await Promise.all(load)
  agent.destroy()
  expect(failed).toEqual([])
  expect(await text(next, 'shop')).toBe('served /')
})

function send(port: number, agent: Agent): Promise<string> {
  return new Promise((resolve) => {
    const sent = request(
      { host: '127.0.0.1', port, agent, headers: { host: 'shop.localhost' } },
      (response) => {
        let body = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk))
        response.once('end', () => resolve(body)).once('error', (error) => resolve(error.message))
      },
    )
    sent.once('error', (error) => resolve(error.message))
    sent.end()
  })
}
