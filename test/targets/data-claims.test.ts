import { randomUUID } from 'node:crypto'
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql as postgresSql } from '../../adapters/drivers/postgres/index.ts'
import type { DriverSpec } from '../../core/adapter.ts'
import { Claims } from '../../core/tools/data/claims.ts'
import type { Live } from '../../core/tools/data/live.ts'
import { transfer } from '../../core/tools/data/transfer.ts'
import { verify } from '../../core/tools/data/verify.ts'
import { awsServers } from '../drivers/aws-servers.ts'
import { driverContext } from '../drivers/contracts/harness.ts'
import { admin, postgresAnswers, URL_OF_SERVER } from '../drivers/postgres-server.ts'
import { redisInstalled, type RedisServer, startRedis } from '../drivers/redis-server.ts'
import { startUnmoor, unmoor } from '../unit/cli-process.ts'
import { applyMigrations, type DataLab, dataLab, dataProject, migrateSqlite, openStores } from './data-lab.ts'

let lab: DataLab
beforeAll(async () => {
  lab = await dataLab()
})
afterAll(() => lab[Symbol.asyncDispose]())

const claimant = (host: string): { id: string; host: string; since: string } => ({
  id: `${host}-${randomUUID()}`,
  host,
  since: new Date().toISOString(),
})

describe('a claim lies in the store', async () => {
  const pg = await postgresAnswers('claims in postgres')
  const servers = awsServers()
  const schema = `unmoor_test_${randomUUID().replaceAll('-', '')}`
  const postgres: DriverSpec = { driver: 'postgres', url: URL_OF_SERVER, schema }
  let redis: RedisServer | undefined
  let envFile: string

  beforeAll(async () => {
    if (redisInstalled) redis = await startRedis()
    envFile = join(lab.scratch, 'claims.env')
    const lines = Object.entries(servers.variables()).map(([name, value]) => `${name}=${value}`)
    await writeFile(envFile, lines.join('\n'))
    if (!pg) return
    const driver = await postgresSql(
      { url: URL_OF_SERVER, schema },
      driverContext({ app: 'mover', binding: 'db' }),
    )
    await applyMigrations(lab.project, driver)
    await driver.close?.()
  })
  afterAll(async () => {
    await redis?.stop()
    if (pg) await admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  })

  const stores: { name: string; binding: string; skip?: boolean; open: () => Promise<Live> }[] = []
  const add = (
    name: string,
    binding: string,
    drivers: () => Record<string, DriverSpec | string> | undefined,
    skip = false,
  ): void => {
    stores.push({
      name: `${name} ${binding}`,
      binding,
      skip,
      open: async () => {
        const given = drivers()
        return openStores(lab.project, {
          bindings: [binding],
          dataDir: lab.dataDir('claimed'),
          envFile,
          ...(given === undefined ? {} : { drivers: given }),
        })
      },
    })
  }
  for (const binding of ['links', 'counts', 'files', 'db']) add('embedded', binding, () => undefined)
  for (const binding of ['links', 'counts', 'files', 'db'])
    add('postgres', binding, () => ({ [binding]: postgres }), !pg)
  for (const binding of ['links', 'counts'])
    add(
      'redis',
      binding,
      () => ({ [binding]: { driver: 'redis', url: redis?.url } as DriverSpec }),
      !redisInstalled,
    )
  for (const binding of ['links', 'counts']) add('dynamodb', binding, () => ({ [binding]: 'dynamodb' }))
  add('s3', 'files', () => ({ files: 's3' }))

  describe.each(stores)('$name', ({ binding, skip, open }) => {
    it.skipIf(skip)('is seen by another writer, is no data, and is gone when it is released', async () => {
      if (binding === 'db') await migrateSqlite(lab.project, lab.dataDir('claimed'))
      const [one, two] = [await open(), await open()]
      try {
        const claims = await Claims.take(one, [binding], claimant('alpha'))
        await expect(Claims.take(two, [binding], claimant('beta'))).rejects.toMatchObject({
          code: 'Conflict',
          message: expect.stringMatching(/on alpha is already writing into .*, since 20/),
        })
        expect(await recordsOf(two, binding)).toEqual([])
        await claims.renew()
        await claims.release()
        const next = await Claims.take(two, [binding], claimant('beta'))
        await next.release()
        expect(await recordsOf(two, binding)).toEqual([])
      } finally {
        await one.close()
        await two.close()
      }
    })

    it.skipIf(skip)('of a dead writer runs out, and goes on at once for the same one', async () => {
      const [one, two] = [await open(), await open()]
      try {
        const [dead, heir] = [claimant('dead'), claimant('heir')]
        expect(await one.claim?.(binding).take(dead, 1000, false)).toBeUndefined()
        expect(
          await two.claim?.(binding).take({ ...dead, since: new Date().toISOString() }, 1000, false),
        ).toBeUndefined()
        expect(await two.claim?.(binding).take(heir, 1000, false)).toMatchObject({ host: 'dead' })
        // From now on for two seconds, by clocks that may count whole ones.
        const began = performance.now()
        await one.claim?.(binding).take(dead, 2, true)
        await expect
          .poll(() => two.claim?.(binding).take(heir, 1000, false), { interval: 200 })
          .toBeUndefined()
        expect(performance.now() - began).toBeGreaterThan(900)
        // One that stood still removes nothing of its heir's.
        await one.claim?.(binding).release(dead)
        expect(await one.claim?.(binding).take(claimant('third'), 20, false)).toMatchObject({ host: 'heir' })
        await two.claim?.(binding).release(heir)
      } finally {
        await one.close()
        await two.close()
      }
    })
  })

  it('of two that a stale store hides from each other the later ends', async () => {
    const place = await openStores(lab.project, { bindings: ['links'], dataDir: lab.dataDir('stale') })
    const claim = place.claim?.('links')
    if (claim === undefined) throw new Error('a kv has claims')
    const [early, late] = [
      { ...claimant('early'), since: '2026-01-01T00:00:00.000Z' },
      { ...claimant('late'), since: '2026-01-01T00:00:01.000Z' },
    ]
    expect(await claim.take(early, 100, false)).toBeUndefined()
    // The late one holds a claim since it did not see the other's.
    expect(await claim.take(late, 100, true)).toMatchObject({ host: 'early' })
    expect(await claim.take(early, 100, true)).toBeUndefined()
    await place.close()
  })
})

describe('two commands, each as on a machine of its own, into one store', async () => {
  const pg = await postgresAnswers('two imports into postgres')

  it.skipIf(!pg)(
    'the second is refused; killed, the first goes on at once, and what it wrote is whole',
    async () => {
      const schema = `unmoor_test_${randomUUID().replaceAll('-', '')}`
      const archive = await lab.archive('claimed-archive', lab.source, ['links', 'files', 'db'])
      await using other = await dataProject()
      const machines = await Promise.all(
        [lab.project.dir, other.dir].map(async (project, index) => {
          const tmp = join(lab.scratch, `tmp-${index}`)
          await mkdir(tmp, { recursive: true })
          const spec = JSON.stringify({ driver: 'postgres', url: URL_OF_SERVER, schema })
          const to = ['links', 'files', 'db'].flatMap((binding) => ['--to-driver', `${binding}=${spec}`])
          const own = join(tmp, 'archive')
          await cp(archive, own, { recursive: true })
          return {
            args: ['data', 'import', own, '--to', 'node', ...to, '--project', project],
            env: { TMPDIR: tmp },
          }
        }),
      )
      const [first, second] = machines as [(typeof machines)[0], (typeof machines)[0]]
      try {
        const driver = await postgresSql(
          { url: URL_OF_SERVER, schema },
          driverContext({ app: 'mover', binding: 'db' }),
        )
        await applyMigrations(lab.project, driver)
        await driver.close?.()
        const slow = startUnmoor([...first.args, '--rate', '20'], { env: first.env })
        const journals = join(lab.project.dir, '.unmoor/transfers')
        for (
          let tries = 0;
          tries < 400 &&
          (
            await admin.unsafe(
              `SELECT 1 FROM pg_tables WHERE schemaname = '${schema}' AND tablename = 'unmoor_claims'`,
            )
          ).length === 0;
          tries++
        )
          await new Promise((resolve) => setTimeout(resolve, 25))
        const refused = await unmoor(second.args, { env: second.env })
        expect(refused.code).not.toBe(0)
        expect(refused.stderr).toMatch(/is already writing into "links"/)
        slow.child.kill('SIGKILL')
        await slow.result
        expect((await unmoor([...second.args, '--into-non-empty'], { env: second.env })).stderr).toMatch(
          /is already writing into/,
        )
        expect(await readdir(journals)).toHaveLength(1)
        const { code, stdout } = await unmoor([...first.args, '--reporter', 'json'], { env: first.env })
        expect(code).toBe(0)
        expect(JSON.parse(stdout)).toMatchObject({
          resumed: true,
          bindings: { links: { records: 207 }, files: { records: 6 } },
        })
        const drivers = Object.fromEntries(
          ['links', 'files', 'db'].map((name) => [name, { driver: 'postgres', url: URL_OF_SERVER, schema }]),
        )
        const there = await openStores(lab.project, { drivers, bindings: ['links', 'files', 'db'] })
        expect((await verify(lab.source, there, { bindings: ['links', 'files', 'db'] })).differences).toEqual(
          [],
        )
        await there.close()
        expect(
          await admin.unsafe(
            `SELECT 1 FROM pg_tables WHERE schemaname = '${schema}' AND tablename = 'unmoor_claims'`,
          ),
        ).toHaveLength(0)
      } finally {
        await admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
        await rm(join(lab.project.dir, '.unmoor/transfers'), { recursive: true, force: true })
      }
    },
  )
})

describe('a transfer', () => {
  it('takes keys along that only begin like a claim', async () => {
    const names = ['.unmoor/claims', '.unmoor/claim-of-mine', '.unmoor/']
    const from = await openStores(lab.project, {
      dataDir: lab.dataDir('alike'),
      bindings: ['links', 'files'],
    })
    const to = await openStores(lab.project, {
      dataDir: lab.dataDir('alike-copy'),
      bindings: ['links', 'files'],
    })
    const bytes = new Uint8Array([1])
    await from.kvWriter('links').write(names.map((key) => ({ key, value: bytes })))
    for (const key of names)
      await from
        .blobWriter('files')
        .write({ key, size: 1, httpMetadata: {}, customMetadata: {}, open: async () => bytes })
    const report = await transfer(from, to, { journal: lab.journal(), bindings: ['links', 'files'] })
    expect(report.bindings).toMatchObject({ links: { records: 3 }, files: { records: 3 } })
    expect((await verify(from, to, { bindings: ['links', 'files'] })).differences).toEqual([])
    await from.close()
    await to.close()
  })

  it('that is refused leaves no journal, so that the next one still looks whether the target is empty', async () => {
    const to = await openStores(lab.project, { dataDir: lab.dataDir('held'), bindings: ['links'] })
    await to.kvWriter('links').write([{ key: 'mine', value: new Uint8Array(1) }])
    const journal = lab.journal()
    const held = await Claims.take(to, ['links'], claimant('elsewhere'))
    await expect(transfer(lab.source, to, { journal, bindings: ['links'] })).rejects.toMatchObject({
      code: 'Conflict',
    })
    await held.release()
    await expect(transfer(lab.source, to, { journal, bindings: ['links'] })).rejects.toMatchObject({
      code: 'AlreadyExists',
    })
    await expect(transfer(lab.source, to, { journal, bindings: ['links'] })).rejects.toMatchObject({
      code: 'AlreadyExists',
    })
    await to.close()
  })

  it('whose process stood still for longer than its claim lasts writes no more', async () => {
    const to = await openStores(lab.project, { dataDir: lab.dataDir('stood'), bindings: ['links'] })
    const claims = await Claims.take(to, ['links'], claimant('sleepy'), 3)
    claims.check()
    // As a process does that was stopped: nothing runs in it.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3500)
    expect(() => claims.check()).toThrow(/has run out/)
    await expect(claims.renew()).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining('has run out'),
    })
    await claims.release()
    await to.close()
  })

  it('whose claim another has taken stops writing', async () => {
    const to = await openStores(lab.project, { dataDir: lab.dataDir('taken'), bindings: ['links'] })
    const running = transfer(lab.source, to, {
      journal: lab.journal(),
      bindings: ['links'],
      rate: 20,
      lease: 2,
    })
    const settled = running.then(
      () => 'ended',
      (error: unknown) => error,
    )
    await new Promise((resolve) => setTimeout(resolve, 300))
    expect(
      await to.claim?.('links').take({ ...claimant('thief'), since: '2000-01-01T00:00:00.000Z' }, 100, true),
    ).toBeUndefined()
    expect(await settled).toMatchObject({ code: 'Conflict', message: expect.stringContaining('on thief') })
    await to.close()
  })
})

/** What is there for a transfer. */
async function recordsOf(place: Live, binding: string): Promise<string[]> {
  if (place.bindings[binding] === 'sql') {
    const { tables } = await place.sql(binding).schema()
    return tables.map(({ name }) => name).filter((name) => name.startsWith('unmoor'))
  }
  const [reader, writer] =
    place.bindings[binding] === 'kv'
      ? [place.kv(binding), place.kvWriter(binding)]
      : [place.blob(binding), place.blobWriter(binding)]
  expect(await writer.isEmpty()).toBe(true)
  const found: string[] = []
  for await (const { record } of reader.read()) found.push(record.key)
  return found
}
