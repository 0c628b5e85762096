import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { sql as postgresSql } from '../../adapters/drivers/postgres/index.ts'
import { sql as sqlite } from '../../adapters/drivers/sqlite/index.ts'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { type Owner, type OwnerIdentity, OwnerTable } from '../../adapters/isolate/host/store/owner-table.ts'
import { makeTables } from '../../adapters/isolate/host/store/tables.ts'
import { Owners } from '../../adapters/isolate/host/supervisor/owners.ts'
import { sql as declareSql } from '../../core/bindings/declarations.ts'
import type { DriverFactory } from '../../core/bindings/drivers.ts'
import { admin as server, postgresAnswers, URL_OF_SERVER } from '../drivers/postgres-server.ts'
import { killTree } from '../histories/power-cut.ts'
import { signalTree, spawnHost } from '../histories/spawned-host.ts'
import { runUnmoor } from '../unit/cli-process.ts'
import { buildLab, type HostLab, labApp, sendTo, startHostLab } from './host-lab.ts'
import { buildCounter, type Hit } from './worker-lab.ts'

const TOKEN = 'correct horse'
const admin = { port: 0, token: TOKEN }
/** What Linux may do to a connection that nobody has accepted when one of a port's listeners closes. */
const RESET = 'read ECONNRESET'
let counter: string
let plain: string
beforeAll(async () => {
  process.env['UNMOOR_HOST_KEY'] = 'key of the fleet'
  counter = await buildCounter()
  plain = await buildLab(labApp('kv: kv()'))
})
afterAll(async () => {
  delete process.env['UNMOOR_HOST_KEY']
  await Promise.all([counter, plain].map((dir) => rm(dir, { recursive: true, force: true })))
})

const clientOf = (lab: HostLab): DeployClient =>
  new DeployClient({ url: lab.host.adminUrl as string, token: TOKEN })

/** The store of the host whose data folder is `dataDir`, as a config of another host names it. */
function storeOf(dataDir: string): object {
  return {
    sql: { driver: 'sqlite', path: join(dataDir, 'store/deploys.sqlite') },
    blob: { driver: 'fs', path: join(dataDir, 'store/files') },
  }
}

async function hit(url: string): Promise<Hit | string> {
  const { status, text } = await sendTo(url, 'counter')
  return status === 200 ? (JSON.parse(text) as Hit) : text
}

test('objects are one over all hosts of a store: the others pass requests on to the one that owns them', async () => {
  await using a = await startHostLab({ processes: 1, pollMs: 100, admin })
  await using b = await startHostLab({
    processes: 1,
    pollMs: 100,
    admin,
    store: storeOf(join(a.dir, 'data')),
  })
  const urls = [a.host.url, b.host.url]
  await clientOf(a).deploy('counter', counter)
  await clientOf(a).deploy('plain', plain)
  await expect.poll(() => hit(b.host.url)).toMatchObject({ stored: 1 })
  const hits = await Promise.all(Array.from({ length: 40 }, (_, index) => hit(urls[index % 2] as string)))
  const stored = (hits as Hit[]).map((one) => one.stored).sort((x, y) => x - y)
  expect(stored).toEqual(Array.from({ length: 40 }, (_, index) => index + 2))
  expect(new Set((hits as Hit[]).map(({ id }) => id)).size).toBe(1)

  // A body that comes in pieces goes through as it comes.
  const upload = request(b.host.url, { method: 'POST', agent: false, headers: { host: 'counter.localhost' } })
  const answered = new Promise<string>((resolve, reject) => {
    upload.once('error', reject).once('response', (answer) => void text(answer).then(resolve, reject))
  })
  upload.write('one ')
  await hit(a.host.url)
  upload.end('two')
  expect(JSON.parse(await answered)).toMatchObject({ stored: 43 })

  // A new version that comes over the other host is the owner's too, and there is still one object.
  await clientOf(b).deploy('counter', counter, { settings: { variables: { WORD: 'new' } } })
  await expect.poll(() => hit(b.host.url)).toMatchObject({ word: 'new' })
  const after = (await Promise.all(urls.map(hit))) as Hit[]
  expect(new Set(after.map(({ id }) => id)).size).toBe(1)

  // What hosts do not share is said at the start, by app and binding.
  expect(b.lines.join('\n')).toMatch(/WARNING: "plain": kv "kv" is kept by "sqlite" on this host alone/)
  expect(b.lines.join('\n')).not.toMatch(/WARNING: "counter"/)
  // Nobody but a host of the store names an app.
  const forged = { 'unmoor-host-forward': `counter ${Date.now()} ${'a'.repeat(43)}` }
  expect((await sendTo(a.host.url, 'plain', { headers: forged })).text).toBe('hello /')
})

test('objects of a host that has stopped are on no other host, until the operator says so', async () => {
  await using a = await startHostLab({ processes: 1, pollMs: 100, admin })
  const dataDir = join(a.dir, 'other')
  const config = { processes: 1, pollMs: 100, admin, store: storeOf(join(a.dir, 'data')) }
  {
    await using b = await startHostLab({ ...config, dataDir })
    await clientOf(b).deploy('counter', counter)
    await expect.poll(() => hit(a.host.url)).toMatchObject({ stored: 1 })
    await expect(clientOf(a).takeOver('counter')).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining('Stop that host first'),
    })
  }
  await expect
    .poll(() => hit(a.host.url))
    .toContain(
      'owns its objects and does not answer. Start that host; if its data is lost or moved: unmoor host take-over counter',
    )
  {
    // The same data folder: the same objects, without a wait.
    await using again = await startHostLab({ ...config, dataDir })
    expect(await hit(again.host.url)).toMatchObject({ stored: 2 })
    await expect.poll(() => hit(a.host.url)).toMatchObject({ stored: 3 })
  }
  const taken = await runUnmoor(
    ['host', 'take-over', 'counter', '--host', a.host.adminUrl as string, '--token', TOKEN],
    { cwd: a.dir },
  )
  expect([taken.code, taken.stdout]).toEqual([0, expect.stringContaining('owns the objects of counter')])
  await expect.poll(() => hit(a.host.url)).toMatchObject({ stored: 1 })
  // The former owner keeps its files, and passes on.
  await using back = await startHostLab({ ...config, dataDir })
  expect(await hit(back.host.url)).toMatchObject({ stored: 2 })
})

test('a host that stood still for longer than its lease answers from no object of its own', async () => {
  await using b = await startHostLab({ processes: 1, pollMs: 100, admin })
  const a = await spawnHost(join(b.dir, 'spawned.json'), {
    port: 0,
    processes: 1,
    pollMs: 100,
    dataDir: join(b.dir, 'a'),
    admin,
    store: storeOf(join(b.dir, 'data')),
  })
  try {
    const client = new DeployClient({ url: a.adminUrl, token: TOKEN })
    await client.deploy('counter', counter)
    const first = (await hit(a.url)) as Hit
    signalTree(a.child.pid as number, 'SIGSTOP')
    // A request that the stopped host finds when it goes on.
    const waiting = hit(a.url).catch((error: Error) => error.message)
    await expect
      .poll(
        () =>
          clientOf(b)
            .takeOver('counter')
            .then(
              () => 'taken',
              (error: Error) => error.message,
            ),
        {
          timeout: 60_000,
        },
      )
      .toBe('taken')
    const taken = (await hit(b.host.url)) as Hit
    expect(taken).toMatchObject({ stored: 1 })
    signalTree(a.child.pid as number, 'SIGCONT')
    const answers = [await waiting]
    await expect
      .poll(async () => {
        const answer = await hit(a.url).catch((error: Error) => error.message)
        answers.push(answer)
        return typeof answer === 'object'
      })
      .toBe(true)
    for (const answer of answers) if (typeof answer === 'object') expect(answer.id).toBe(taken.id)
    expect(first.id).not.toBe(taken.id)
  } finally {
    await killTree(a.child.pid as number)
  }
  expect(await readFile(join(b.dir, 'data/host.id'), 'utf8')).not.toBe(
    await readFile(join(b.dir, 'a/host.id'), 'utf8'),
  )
})

test('a host whose processes take longer to start than a lease lasts keeps its leases, and ends none', async () => {
  // A lease is renewed no later than 12 s after it was claimed; two processes start one after the other.
  const slow = ['sh', '-c', 'sleep 7; exec "$@"', 'sh']
  await using lab = await startHostLab({
    processes: 1,
    pool: 1,
    admin,
    guard: { wrapper: slow },
    apps: { counter: { dir: counter } },
  })
  expect(await hit(lab.host.url)).toMatchObject({ stored: 1, memory: 1 })
  expect(await hit(lab.host.url)).toMatchObject({ stored: 2, memory: 2 })
  expect(lab.lines.join('\n')).not.toMatch(/lease/)
})

const postgres = await postgresAnswers('owners of objects in Postgres')
const url = URL_OF_SERVER
afterAll(() => server.end())
test.each([
  ['sqlite', sqlite, {}],
  ...(postgres ? ([['postgres', postgresSql, { url }]] as const) : []),
] as const)(
  'in %s one of many claims the objects of an app, and nobody else until it lets go',
  async (_name, create, options) => {
    const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-owners-'))
    const driver = await (create as DriverFactory<'sql', object>)(options, {
      binding: 'store',
      app: 'owners',
      declaration: declareSql(),
      dataDir,
      variable: () => undefined,
      now: Date.now,
    })
    const app = randomUUID()
    try {
      await makeTables(driver)
      const table = new OwnerTable(driver)
      const identity = (host: string): OwnerIdentity => ({
        host,
        instance: randomUUID(),
        address: `http://${host}`,
      })
      const all = Array.from({ length: 20 }, (_, index) => identity(`h${index}`))
      const owners = await Promise.all(all.map((one) => table.claim(app, one, 60_000)))
      const [first] = owners as [Owner]
      expect(new Set(owners.map(({ instance }) => instance))).toEqual(new Set([first.instance]))
      expect(first).toMatchObject({ app, epoch: 1 })
      expect(first.leftMs).toBeGreaterThan(50_000)
      const winner = all.find(({ instance }) => instance === first.instance) as OwnerIdentity
      const second = identity(winner.host)
      const other = identity('other')
      expect((await table.claim(app, second, 60_000)).instance).toBe(winner.instance)
      expect(await table.takeOver(app, other, 60_000)).toBe(false)
      await table.release(winner)
      // Another run on the same data may go on; another host may not by itself.
      expect((await table.claim(app, other, 60_000)).instance).toBe(winner.instance)
      expect(await table.claim(app, second, 60_000)).toMatchObject({ instance: second.instance, epoch: 2 })
      await table.renew(winner, 60_000)
      expect((await table.claim(app, winner, 60_000)).instance).toBe(second.instance)
      await table.release(second)
      expect(await table.takeOver(app, other, 60_000)).toBe(true)
      expect(await table.claim(app, second, 60_000)).toMatchObject({ instance: other.instance, epoch: 3 })
      await table.forget(app)
      expect(await table.claim(app, second, 60_000)).toMatchObject({ instance: second.instance, epoch: 1 })
      await table.forget(app)
    } finally {
      await driver.close?.()
      await rm(dataDir, { recursive: true, force: true })
    }
  },
)

test('a host that cannot renew its lease ends what it runs before the lease ends in the store', async () => {
  const driver = await sqlite(
    { path: ':memory:' },
    {
      binding: 'store',
      app: 'owners',
      declaration: declareSql(),
      variable: () => undefined,
      now: Date.now,
    },
  )
  await makeTables(driver)
  const table = new OwnerTable(driver)
  const mine = { host: 'h', instance: 'i', address: 'http://h' }
  const owners = new Owners({ table, identity: mine, leaseMs: 900 })
  const claim = await owners.claim('app')
  expect(claim).toEqual({ until: expect.any(Number) })
  const leftWhenLost = new Promise<number>((resolve) => {
    owners.follow({
      gained: () => {},
      renewed: () => {},
      print: () => {},
      elsewhere: () => void table.all().then(([owner]) => resolve((owner as Owner).leftMs)),
    })
  })
  // The store refuses every renewal from now on.
  table.renew = () => Promise.reject(new Error('the store is gone'))
  expect(await leftWhenLost).toBeLessThan(900)
  expect(owners.until('app')).toBeUndefined()
  await owners.stop()
  await driver.close?.()
})

test('a host that takes the place of another on the same port and folder loses no request to an object', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  // A commit waits for the disk, which counts.
  const limits = { cpuMs: 60_000, wallTimeout: 600 }
  const config = { port, sharePort: true, processes: 1, pollMs: 100, admin, limits }
  const old = await startHostLab(config)
  const hits: (Hit | string)[] = []
  const load = { on: true }
  try {
    await clientOf(old).deploy('counter', counter)
    const clients = Array.from({ length: 2 }, async () => {
      while (load.on) hits.push(await hit(old.host.url).catch((error: Error) => error.message))
    })
    await expect.poll(() => hits.length).toBeGreaterThan(3)
    await using next = await startHostLab({ ...config, dataDir: join(old.dir, 'data') })
    const before = hits.length
    await expect.poll(() => hits.length).toBeGreaterThan(before + 10)
    await old.host.stop()
    const first = (hits[0] as Hit).id
    await expect.poll(() => hits.some((one) => typeof one === 'object' && one.id !== first)).toBe(true)
    load.on = false
    await Promise.all(clients)
    expect(next.lines.join('\n')).toContain('This host owns the objects of "counter" from now on')
    expect(hits.filter((one) => typeof one === 'string' && one !== RESET)).toEqual([])
    // Each count was answered once and none is missing: a connection that was reset never reached the app.
    const stored = hits.filter((one) => typeof one === 'object').map((one) => one.stored)
    expect(stored.sort((a, b) => a - b)).toEqual(stored.map((_, index) => index + 1))
  } finally {
    load.on = false
    await old[Symbol.asyncDispose]()
  }
})
