import { randomUUID } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql as postgresSql } from '../../adapters/drivers/postgres/index.ts'
import { readManifest, type ArchiveManifest } from '../../core/tools/data/archive-format.ts'
import { Journal } from '../../core/tools/data/journal.ts'
import type { Live } from '../../core/tools/data/live.ts'
import type { KvWriter } from '../../core/tools/data/records.ts'
import { transfer } from '../../core/tools/data/transfer.ts'
import { verify } from '../../core/tools/data/verify.ts'
import { awsServers } from '../drivers/aws-servers.ts'
import { driverContext } from '../drivers/contracts/harness.ts'
import { admin, postgresAnswers, URL_OF_SERVER } from '../drivers/postgres-server.ts'
import { redisInstalled, startRedis } from '../drivers/redis-server.ts'
import { startUnmoor, unmoor } from '../unit/cli-process.ts'
import { applyMigrations, type DataLab, dataLab, migrateSqlite, openStores, sqliteFile } from './data-lab.ts'

let lab: DataLab
beforeAll(async () => {
  lab = await dataLab()
})
afterAll(() => lab[Symbol.asyncDispose]())

describe('verify names each difference', () => {
  let copy: Live
  beforeAll(async () => {
    await migrateSqlite(lab.project, lab.dataDir('differences'))
    copy = await openStores(lab.project, { dataDir: lab.dataDir('differences') })
    await transfer(lab.source, copy, { journal: lab.journal() })
  })
  afterAll(() => copy.close())

  it('a lost key, a changed value, a changed expiry, changed metadata, an extra key', async () => {
    const writer = copy.kvWriter('links')
    await writer.write([
      { key: 'key-3', value: new TextEncoder().encode('value 3.') },
      {
        key: 'meta',
        value: new TextEncoder().encode('x'),
        metadata: JSON.stringify({ b: 1, a: ['ü', null] }),
        expiration: 2_000_000_001,
      },
      { key: 'key-4', value: new TextEncoder().encode('value 4'), metadata: '{}' },
      { key: 'zzz', value: new Uint8Array(0) },
    ])
    await removeKey('differences', 'key-5')
    const { equal, differences } = await verify(lab.source, copy, { bindings: ['links'] })
    expect(equal).toBe(false)
    expect(differences).toEqual([
      { binding: 'links', key: 'key-3', what: 'value' },
      { binding: 'links', key: 'key-4', what: 'metadata' },
      { binding: 'links', key: 'key-5', what: 'missing' },
      { binding: 'links', key: 'meta', what: 'expiration' },
      { binding: 'links', key: 'zzz', what: 'extra' },
    ])
  })

  it('a wrong content type, other bytes of the same size', async () => {
    const writer = copy.blobWriter('files')
    const record = { size: 1000, customMetadata: { number: '2' }, key: 'folder/002 ü.bin' }
    const bytes = new Uint8Array(1000).map((_, at) => (at * 31) % 251)
    await writer.write({
      ...record,
      httpMetadata: { contentType: 'text/plain', cacheControl: 'no-store' },
      open: async () => bytes,
    })
    await writer.write({
      ...record,
      key: 'folder/003 ü.bin',
      customMetadata: { number: '3' },
      httpMetadata: { contentType: 'application/x-3', cacheControl: 'no-store' },
      open: async () => bytes.map((byte) => byte ^ 1),
    })
    expect((await verify(lab.source, copy, { bindings: ['files'] })).differences).toEqual([
      { binding: 'files', key: 'folder/002 ü.bin', what: 'content type' },
      { binding: 'files', key: 'folder/003 ü.bin', what: 'bytes' },
    ])
  })

  it('a changed cell, a lost row', async () => {
    const database = await sqliteFile(lab.dataDir('differences'))
    database.exec(`UPDATE users SET n = 1 WHERE id = 'a'; DELETE FROM posts WHERE number = 7`)
    database.close()
    expect((await verify(lab.source, copy, { bindings: ['db'] })).differences).toEqual(
      expect.arrayContaining([
        { binding: 'db', table: 'users', key: '["a"]', what: 'n' },
        { binding: 'db', table: 'posts', key: '["é",{"i":"7"}]', what: 'missing' },
      ]),
    )
  })

  async function removeKey(name: string, key: string): Promise<void> {
    const { kv } = await import('../../adapters/drivers/sqlite/index.ts')
    const driver = await kv(
      {},
      { ...driverContext({ app: 'mover', binding: 'links' }), dataDir: lab.dataDir(name) },
    )
    await driver.delete(key)
    await driver.close?.()
  }
})

describe('between drivers', async () => {
  const pg = await postgresAnswers('data between sqlite and postgres')
  const servers = awsServers()

  it.skipIf(!pg)('sqlite to postgres to sqlite: the typed dump is byte-equal', async () => {
    const schema = `unmoor_test_${randomUUID().replaceAll('-', '')}`
    const drivers = { db: { driver: 'postgres', url: URL_OF_SERVER, schema } }
    try {
      const driver = await postgresSql(
        { url: URL_OF_SERVER, schema },
        driverContext({ app: 'mover', binding: 'db' }),
      )
      await applyMigrations(lab.project, driver)
      await driver.close?.()
      const middle = await openStores(lab.project, { drivers, bindings: ['db'] })
      await transfer(lab.source, middle, { journal: lab.journal(), bindings: ['db'] })
      expect((await verify(lab.source, middle, { bindings: ['db'] })).differences).toEqual([])
      // The counter behind a key goes on after the keys that came.
      expect(
        await admin.unsafe(`INSERT INTO ${schema}.notes (user_id, text) VALUES ('a', 'four') RETURNING id`),
      ).toMatchObject([{ id: 4 }])
      await admin.unsafe(`DELETE FROM ${schema}.notes WHERE id = 4`)
      await migrateSqlite(lab.project, lab.dataDir('back'))
      const back = await openStores(lab.project, { dataDir: lab.dataDir('back'), bindings: ['db'] })
      await transfer(middle, back, { journal: lab.journal(), bindings: ['db'] })
      const [a, b] = [
        await lab.archive('dump-before', lab.source, ['db']),
        await lab.archive('dump-after', back, ['db']),
      ]
      const files = (manifest: ArchiveManifest): string[] =>
        manifest.bindings['db']?.files.map(({ name, sha256 }) => `${name} ${sha256}`).sort() ?? []
      expect(files(await readManifest(b))).toEqual(files(await readManifest(a)))
      await middle.close()
      await back.close()
    } finally {
      await admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    }
  })

  it.skipIf(!pg)('a value that the target cannot hold is named before anything is written', async () => {
    const schema = `unmoor_test_${randomUUID().replaceAll('-', '')}`
    try {
      const driver = await postgresSql(
        { url: URL_OF_SERVER, schema },
        driverContext({ app: 'mover', binding: 'db' }),
      )
      await applyMigrations(lab.project, driver)
      await driver.close?.()
      await migrateSqlite(lab.project, lab.dataDir('misfit'))
      const database = await sqliteFile(lab.dataDir('misfit'))
      database.prepare('INSERT INTO users (id, small) VALUES (?, ?)').run('big', 3_000_000_000n)
      database.close()
      const from = await openStores(lab.project, { dataDir: lab.dataDir('misfit'), bindings: ['db'] })
      const to = await openStores(lab.project, {
        drivers: { db: { driver: 'postgres', url: URL_OF_SERVER, schema } },
        bindings: ['db'],
      })
      await expect(transfer(from, to, { journal: lab.journal(), bindings: ['db'] })).rejects.toMatchObject({
        code: 'InvalidArgument',
        message: expect.stringContaining(
          'cannot hold "small" of the row of "users" with id = "big": 3000000000 does not fit into integer',
        ),
      })
      expect(await admin.unsafe(`SELECT COUNT(*)::int AS n FROM ${schema}.users`)).toMatchObject([{ n: 0 }])
      await from.close()
      await to.close()
    } finally {
      await admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    }
  })

  it.skipIf(!redisInstalled)('kv sqlite to dynamodb to redis to sqlite: equal', async () => {
    const redis = await startRedis()
    const envFile = join(lab.scratch, 'aws.env')
    await writeFile(
      envFile,
      Object.entries(servers.variables())
        .map(([name, value]) => `${name}=${value}`)
        .join('\n'),
    )
    const bindings = ['links', 'counts']
    const places = [
      await openStores(lab.project, {
        envFile,
        bindings,
        drivers: { links: 'dynamodb', counts: 'dynamodb' },
      }),
      await openStores(lab.project, {
        bindings,
        drivers: { links: { driver: 'redis', url: redis.url }, counts: { driver: 'redis', url: redis.url } },
      }),
      await openStores(lab.project, { bindings, dataDir: lab.dataDir('kv-back') }),
    ]
    try {
      let from = lab.source
      for (const place of places) {
        await transfer(from, place, { journal: lab.journal(), bindings })
        from = place
      }
      expect(await verify(lab.source, from, { bindings })).toMatchObject({
        equal: true,
        bindings: { links: { records: 207 }, counts: { records: 17 } },
      })
    } finally {
      for (const place of places) await place.close()
      await redis.stop()
    }
  })
})

describe('a transfer', () => {
  it('into what holds data is refused, and allowed by name', async () => {
    const to = await openStores(lab.project, { dataDir: lab.dataDir('full'), bindings: ['links'] })
    await to.kvWriter('links').write([{ key: 'mine', value: new Uint8Array(1) }])
    await expect(
      transfer(lab.source, to, { journal: lab.journal(), bindings: ['links'] }),
    ).rejects.toMatchObject({
      code: 'AlreadyExists',
      message: expect.stringContaining('--into-non-empty'),
    })
    await transfer(lab.source, to, { journal: lab.journal(), bindings: ['links'], intoNonEmpty: true })
    expect((await verify(lab.source, to, { bindings: ['links'] })).differences).toEqual([
      { binding: 'links', key: 'mine', what: 'extra' },
    ])
    await to.close()
  })

  it('tried dry, writes nothing', async () => {
    const to = await openStores(lab.project, { dataDir: lab.dataDir('dry'), bindings: ['links', 'files'] })
    const report = await transfer(lab.source, to, {
      journal: lab.journal(),
      bindings: ['links', 'files'],
      dryRun: true,
    })
    expect(report.bindings).toMatchObject({
      links: { records: 207 },
      files: { records: 6, bytes: 1_102_001 },
    })
    expect(await to.kvWriter('links').isEmpty()).toBe(true)
    await to.close()
  })

  it('of a table without a primary key is refused by name, and leaves it out on request', async () => {
    await migrateSqlite(lab.project, lab.dataDir('no-key'))
    const database = await sqliteFile(lab.dataDir('no-key'))
    database.exec('CREATE TABLE log (line TEXT)')
    database.close()
    const from = await openStores(lab.project, { dataDir: lab.dataDir('no-key'), bindings: ['db'] })
    await expect(from.sql('db').schema()).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('"log" has no primary key'),
    })
    await from.close()
    const { code } = await unmoor([
      'data',
      'export',
      lab.dataDir('no-key-archive'),
      '--from',
      'node',
      '--from-data-dir',
      lab.dataDir('no-key'),
      '--exclude-table',
      'log',
      '-b',
      'db',
      '--project',
      lab.project.dir,
    ])
    expect(code).toBe(0)
  })

  it('two at once into one target: the second is refused', async () => {
    const to = await openStores(lab.project, { dataDir: lab.dataDir('twice'), bindings: ['links'] })
    // The first one has begun, and does not end before it may.
    const [begun, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const held: Live = {
      ...lab.source,
      kv: (binding) => {
        const reader = lab.source.kv(binding)
        return {
          ...reader,
          async *read(...args) {
            begun.resolve()
            await gate.promise
            yield* reader.read(...args)
          },
        }
      },
    }
    const slow = transfer(held, to, { journal: lab.journal(), bindings: ['links'] })
    await begun.promise
    await expect(
      transfer(lab.source, to, { journal: lab.journal(), bindings: ['links'] }),
    ).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining('already writing'),
    })
    gate.resolve()
    await slow
    await to.close()
  })

  it('killed three times with -9 goes on where it was; verify says equal', async () => {
    await lab.fillMany('many')
    const args = [
      'data',
      'copy',
      '--from',
      'node',
      '--from-data-dir',
      lab.dataDir('many'),
      '--to',
      'node',
      '--to-data-dir',
      lab.dataDir('many-copy'),
      '-b',
      'links',
      'files',
      '--project',
      lab.project.dir,
    ]
    for (let kill = 0; kill < 3; kill++) {
      // A minute's work: the whole would be done before the kill only if this loop slept as long.
      const { child, result } = startUnmoor([...args, '--rate', '200'])
      const journals = join(lab.project.dir, '.unmoor/transfers')
      const before = await lastNote(journals)
      const until = Date.now() + 20_000
      while ((await lastNote(journals)) === before && Date.now() < until && child.exitCode === null)
        await new Promise((resolve) => setTimeout(resolve, 20))
      child.kill('SIGKILL')
      await result
    }
    const { code, stdout } = await unmoor([...args, '--reporter', 'json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({
      resumed: true,
      bindings: { links: { records: 12_007 }, files: { records: 40 } },
    })
    const proof = await unmoor(['data', 'verify', ...args.slice(2), '--reporter', 'json'])
    expect(JSON.parse(proof.stdout)).toMatchObject({
      equal: true,
      bindings: { links: { records: 12_007 }, files: { records: 40 } },
    })
  })

  async function lastNote(folder: string): Promise<string> {
    const names = await readdir(folder).catch((): string[] => [])
    const notes = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')))
    // One that only claims the target has written nothing yet.
    return notes.filter((note) => note.includes('"begun":true')).join()
  }
})

describe('journals', () => {
  it('are there before the first write: what a killed run left is no data of somebody else', async () => {
    const to = await openStores(lab.project, { dataDir: lab.dataDir('first-write'), bindings: ['links'] })
    const options = { journal: lab.journal(), bindings: ['links'] }
    const ending = {
      ...to,
      kvWriter: (binding: string): KvWriter => ({
        ...to.kvWriter(binding),
        async write(records) {
          await to.kvWriter(binding).write(records)
          throw new Error('killed')
        },
      }),
    }
    await expect(transfer(lab.source, ending, options)).rejects.toThrow('killed')
    expect(await to.kvWriter('links').isEmpty()).toBe(false)
    expect(await transfer(lab.source, to, options)).toMatchObject({
      resumed: true,
      bindings: { links: { records: 207 } },
    })
    expect((await verify(lab.source, to, { bindings: ['links'] })).differences).toEqual([])
    await to.close()
  })

  it('of another transfer are refused', async () => {
    const path = lab.journal()
    const one = await Journal.open(path, 'a', 'b', false)
    one.part('links').records = 1
    one.data.begun = true
    await one.save()
    await expect(Journal.open(path, 'a', 'c', false)).rejects.toMatchObject({ code: 'Conflict' })
    expect((await Journal.open(path, 'a', 'b', false)).isResumed).toBe(true)
  })
})
