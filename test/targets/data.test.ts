import { randomUUID } from 'node:crypto'
import { appendFile, cp, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql as postgresSql } from '../../adapters/drivers/postgres/index.ts'
import { damagedFiles, readManifest, type ArchiveManifest } from '../../core/data/archive-format.ts'
import { createArchive } from '../../core/data/archive-sink.ts'
import { openArchive } from '../../core/data/archive-source.ts'
import { Journal } from '../../core/data/journal.ts'
import type { Live } from '../../core/data/live.ts'
import { transfer } from '../../core/data/transfer.ts'
import { verify } from '../../core/data/verify.ts'
import { awsServers } from '../drivers/aws-servers.ts'
import { driverContext } from '../drivers/contracts/harness.ts'
import { admin, postgresAnswers, URL_OF_SERVER } from '../drivers/postgres-server.ts'
import { redisInstalled, startRedis } from '../drivers/redis-server.ts'
import { startUnmoor, unmoor } from '../unit/cli-process.ts'
import type { TempProject } from '../unit/temp-project.ts'
import { applyMigrations, dataProject, fillBlobs, fillKv, fillSqlite, migrateSqlite, openStores, sqliteFile } from './data-lab.ts'

let project: TempProject
let scratch: string
let source: Live
const dataDir = (name: string): string => join(scratch, name)

beforeAll(async () => {
  project = await dataProject()
  scratch = await mkdtemp(join(tmpdir(), 'unmoor-data-test-'))
  source = await openStores(project, { dataDir: dataDir('source') })
  await fillKv(source, 'links')
  await fillKv(source, 'counts', 10)
  await fillBlobs(source, 'files')
  await migrateSqlite(project, dataDir('source'))
  const database = await sqliteFile(dataDir('source'))
  fillSqlite(database)
  database.close()
})
afterAll(async () => {
  await source.close()
  await project[Symbol.asyncDispose]()
  await rm(scratch, { recursive: true, force: true })
})

const journal = (): string => join(scratch, `${randomUUID()}.json`)

/** Writes an archive of some bindings of the source. */
async function archive(name: string, from: Live = source, bindings = Object.keys(from.bindings)): Promise<string> {
  const dir = dataDir(name)
  const sink = await createArchive(dir, 'mover', Object.fromEntries(bindings.map((binding) => [binding, from.bindings[binding] as 'kv'])), undefined)
  await transfer(from, sink, { journal: journal(), bindings })
  await sink.finish()
  return dir
}

describe('an archive', () => {
  it('holds everything: read again it equals its source, and imported its copy does', async () => {
    const dir = await archive('archive-whole')
    const read = await openArchive(dir)
    expect((await verify(source, read)).differences).toEqual([])
    await migrateSqlite(project, dataDir('copy'))
    const copy = await openStores(project, { dataDir: dataDir('copy') })
    await transfer(read, copy, { journal: journal() })
    const report = await verify(source, copy)
    expect(report).toMatchObject({ equal: true, bindings: { links: { records: 207 }, counts: { records: 17 }, files: { records: 6 }, db: { records: 1214 } } })
    await copy.close()
  })

  it('is the same bytes for the same data, blobs once per content', async () => {
    const [one, two] = [await archive('archive-one'), await archive('archive-two')]
    const [a, b] = [await readManifest(one), await readManifest(two)]
    expect(a.root).toBe(b.root)
    const stored = (await readdir(join(one, 'blob/files/data'), { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile())
    expect(stored).toHaveLength(5)
  })

  describe('that is damaged is refused, and says what is wrong', () => {
    let whole: string
    beforeAll(async () => {
      whole = await archive('archive-damage')
    })
    const damage = async (name: string, change: (dir: string, manifest: ArchiveManifest) => Promise<void>): Promise<string[]> => {
      const dir = dataDir(name)
      await cp(whole, dir, { recursive: true })
      await change(dir, await readManifest(dir))
      return damagedFiles(dir, await readManifest(dir))
    }
    const first = (manifest: ArchiveManifest, binding: string): string => manifest.bindings[binding]?.files[0]?.name as string

    it('a flipped byte', async () => {
      const wrong = await damage('flipped', async (dir, manifest) => {
        const path = join(dir, first(manifest, 'links'))
        await writeFile(path, (await readFile(path, 'utf8')).replace('value 7', 'value 8'))
      })
      expect(wrong).toEqual(['kv/links/000001.ndjson was changed: its sha256 is another'])
    })

    it('a truncated file', async () => {
      const wrong = await damage('truncated', async (dir, manifest) => truncate(join(dir, first(manifest, 'links')), 100))
      expect(wrong[0]).toContain('kv/links/000001.ndjson has 100 bytes, not')
      expect(wrong[0]).toContain('truncated')
    })

    it('a missing file', async () => {
      expect(await damage('missing', async (dir, manifest) => rm(join(dir, first(manifest, 'db'))))).toEqual([
        expect.stringMatching(/^sql\/db\/tables\/.* is missing$/),
      ])
    })

    it('a changed manifest', async () => {
      const dir = dataDir('manifest')
      await cp(whole, dir, { recursive: true })
      const path = join(dir, 'manifest.json')
      await writeFile(path, (await readFile(path, 'utf8')).replace(/"sha256": "./, '"sha256": "0'))
      await expect(readManifest(dir)).rejects.toMatchObject({ code: 'InvalidArgument', message: expect.stringContaining('root hash') })
    })

    it('a newer format', async () => {
      const dir = dataDir('newer')
      await cp(whole, dir, { recursive: true })
      const path = join(dir, 'manifest.json')
      await writeFile(path, (await readFile(path, 'utf8')).replace('"version": 1', '"version": 2'))
      const { code, stderr } = await unmoor(['data', 'import', dir, '--to', 'node', '--project', project.dir])
      expect(code).toBe(1)
      expect(stderr).toContain('has format 2; this unmoor reads up to 1. Install a newer one')
    })

    it('half an archive', async () => {
      const dir = dataDir('half')
      await cp(whole, dir, { recursive: true })
      await rm(join(dir, 'manifest.json'))
      await writeFile(join(dir, 'progress.json'), '{}')
      await expect(openArchive(dir)).rejects.toMatchObject({ code: 'InvalidArgument', message: expect.stringContaining('half') })
    })

    it("a blob's bytes: verify names the key, an import stores nothing of it", async () => {
      const dir = dataDir('blob-bytes')
      await cp(whole, dir, { recursive: true })
      const [entry] = (await readdir(join(dir, 'blob/files/data'), { recursive: true, withFileTypes: true })).filter(
        (one) => one.isFile() && one.name.length > 10,
      )
      const path = join(entry?.parentPath as string, entry?.name as string)
      const bytes = await readFile(path)
      await (bytes.length === 0
        ? appendFile(path, 'x')
        : writeFile(
            path,
            bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
          ))
      const { code, stdout } = await unmoor(['data', 'verify', dir, '--reporter', 'json'])
      expect(code).toBe(1)
      expect((JSON.parse(stdout) as { damaged: string[] }).damaged.length).toBeGreaterThan(0)
      const copy = await openStores(project, { dataDir: dataDir('blob-bytes-copy'), bindings: ['files'] })
      await expect(transfer(await openArchive(dir), copy, { journal: journal(), bindings: ['files'] })).rejects.toMatchObject({ code: 'ChecksumMismatch' })
      await copy.close()
    })
  })
})

describe('verify names each difference', () => {
  let copy: Live
  beforeAll(async () => {
    await migrateSqlite(project, dataDir('differences'))
    copy = await openStores(project, { dataDir: dataDir('differences') })
    await transfer(source, copy, { journal: journal() })
  })
  afterAll(() => copy.close())

  it('a lost key, a changed value, a changed expiry, changed metadata, an extra key', async () => {
    const writer = copy.kvWriter('links')
    const { driver } = await (async () => ({ driver: await openStores(project, { dataDir: dataDir('differences'), bindings: ['links'] }) }))()
    await driver.close()
    await writer.write([
      { key: 'key-3', value: new TextEncoder().encode('value 3.') },
      { key: 'meta', value: new TextEncoder().encode('x'), metadata: JSON.stringify({ b: 1, a: ['ü', null] }), expiration: 2_000_000_001 },
      { key: 'key-4', value: new TextEncoder().encode('value 4'), metadata: '{}' },
      { key: 'zzz', value: new Uint8Array(0) },
    ])
    await removeKey('differences', 'key-5')
    const { equal, differences } = await verify(source, copy, { bindings: ['links'] })
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
    await writer.write({ ...record, httpMetadata: { contentType: 'text/plain', cacheControl: 'no-store' }, open: async () => bytes })
    await writer.write({
      ...record,
      key: 'folder/003 ü.bin',
      customMetadata: { number: '3' },
      httpMetadata: { contentType: 'application/x-3', cacheControl: 'no-store' },
      open: async () => bytes.map((byte) => byte ^ 1),
    })
    expect((await verify(source, copy, { bindings: ['files'] })).differences).toEqual([
      { binding: 'files', key: 'folder/002 ü.bin', what: 'content type' },
      { binding: 'files', key: 'folder/003 ü.bin', what: 'bytes' },
    ])
  })

  it('a changed cell, a lost row', async () => {
    const database = await sqliteFile(dataDir('differences'))
    database.exec(`UPDATE users SET n = 1 WHERE id = 'a'; DELETE FROM posts WHERE number = 7`)
    database.close()
    expect((await verify(source, copy, { bindings: ['db'] })).differences).toEqual(
      expect.arrayContaining([
        { binding: 'db', table: 'users', key: '["a"]', what: 'n' },
        { binding: 'db', table: 'posts', key: '["é",{"i":"7"}]', what: 'missing' },
      ]),
    )
  })

  async function removeKey(name: string, key: string): Promise<void> {
    const { kv } = await import('../../adapters/drivers/sqlite/index.ts')
    const driver = await kv({}, { ...driverContext({ app: 'mover', binding: 'links' }), dataDir: dataDir(name) })
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
      const driver = await postgresSql({ url: URL_OF_SERVER, schema }, driverContext({ app: 'mover', binding: 'db' }))
      await applyMigrations(project, driver)
      await driver.close?.()
      const middle = await openStores(project, { drivers, bindings: ['db'] })
      await transfer(source, middle, { journal: journal(), bindings: ['db'] })
      expect((await verify(source, middle, { bindings: ['db'] })).differences).toEqual([])
      // The counter behind a key goes on after the keys that came.
      expect(await admin.unsafe(`INSERT INTO ${schema}.notes (user_id, text) VALUES ('a', 'four') RETURNING id`)).toMatchObject([{ id: 4 }])
      await admin.unsafe(`DELETE FROM ${schema}.notes WHERE id = 4`)
      await migrateSqlite(project, dataDir('back'))
      const back = await openStores(project, { dataDir: dataDir('back'), bindings: ['db'] })
      await transfer(middle, back, { journal: journal(), bindings: ['db'] })
      const [a, b] = [await archive('dump-before', source, ['db']), await archive('dump-after', back, ['db'])]
      const files = (manifest: ArchiveManifest): string[] => manifest.bindings['db']?.files.map(({ name, sha256 }) => `${name} ${sha256}`).sort() ?? []
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
      const driver = await postgresSql({ url: URL_OF_SERVER, schema }, driverContext({ app: 'mover', binding: 'db' }))
      await applyMigrations(project, driver)
      await driver.close?.()
      await migrateSqlite(project, dataDir('misfit'))
      const database = await sqliteFile(dataDir('misfit'))
      database.prepare('INSERT INTO users (id, small) VALUES (?, ?)').run('big', 3_000_000_000n)
      database.close()
      const from = await openStores(project, { dataDir: dataDir('misfit'), bindings: ['db'] })
      const to = await openStores(project, { drivers: { db: { driver: 'postgres', url: URL_OF_SERVER, schema } }, bindings: ['db'] })
      await expect(transfer(from, to, { journal: journal(), bindings: ['db'] })).rejects.toMatchObject({
        code: 'InvalidArgument',
        message: expect.stringContaining('cannot hold "small" of the row of "users" with id = "big": 3000000000 does not fit into integer'),
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
    const envFile = join(scratch, 'aws.env')
    await writeFile(
      envFile,
      Object.entries(servers.variables())
        .map(([name, value]) => `${name}=${value}`)
        .join('\n'),
    )
    const bindings = ['links', 'counts']
    const places = [
      await openStores(project, { envFile, bindings, drivers: { links: 'dynamodb', counts: 'dynamodb' } }),
      await openStores(project, {
        bindings,
        drivers: { links: { driver: 'redis', url: redis.url }, counts: { driver: 'redis', url: redis.url } },
      }),
      await openStores(project, { bindings, dataDir: dataDir('kv-back') }),
    ]
    try {
      let from = source
      for (const place of places) {
        await transfer(from, place, { journal: journal(), bindings })
        from = place
      }
      expect(await verify(source, from, { bindings })).toMatchObject({ equal: true, bindings: { links: { records: 207 }, counts: { records: 17 } } })
    } finally {
      for (const place of places) await place.close()
      await redis.stop()
    }
  })
})

describe('a transfer', () => {
  it('into what holds data is refused, and allowed by name', async () => {
    const to = await openStores(project, { dataDir: dataDir('full'), bindings: ['links'] })
    await to.kvWriter('links').write([{ key: 'mine', value: new Uint8Array(1) }])
    await expect(transfer(source, to, { journal: journal(), bindings: ['links'] })).rejects.toMatchObject({
      code: 'AlreadyExists',
      message: expect.stringContaining('--into-non-empty'),
    })
    await transfer(source, to, { journal: journal(), bindings: ['links'], intoNonEmpty: true })
    expect((await verify(source, to, { bindings: ['links'] })).differences).toEqual([{ binding: 'links', key: 'mine', what: 'extra' }])
    await to.close()
  })

  it('tried dry, writes nothing', async () => {
    const to = await openStores(project, { dataDir: dataDir('dry'), bindings: ['links', 'files'] })
    const report = await transfer(source, to, { journal: journal(), bindings: ['links', 'files'], dryRun: true })
    expect(report.bindings).toMatchObject({ links: { records: 207 }, files: { records: 6, bytes: 1_102_001 } })
    expect(await to.kvWriter('links').isEmpty()).toBe(true)
    await to.close()
  })

  it('of a table without a primary key is refused by name, and leaves it out on request', async () => {
    await migrateSqlite(project, dataDir('no-key'))
    const database = await sqliteFile(dataDir('no-key'))
    database.exec('CREATE TABLE log (line TEXT)')
    database.close()
    const from = await openStores(project, { dataDir: dataDir('no-key'), bindings: ['db'] })
    await expect(from.sql('db').schema()).rejects.toMatchObject({ code: 'InvalidArgument', message: expect.stringContaining('"log" has no primary key') })
    await from.close()
    const { code } = await unmoor([
      'data',
      'export',
      dataDir('no-key-archive'),
      '--from',
      'node',
      '--from-data-dir',
      dataDir('no-key'),
      '--exclude-table',
      'log',
      '-b',
      'db',
      '--project',
      project.dir,
    ])
    expect(code).toBe(0)
  })

  it('two at once into one target: the second is refused', async () => {
    const to = await openStores(project, { dataDir: dataDir('twice'), bindings: ['links'] })
    const slow = transfer(source, to, { journal: journal(), bindings: ['links'], rate: 400 })
    await new Promise((resolve) => setTimeout(resolve, 30))
    await expect(transfer(source, to, { journal: journal(), bindings: ['links'] })).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining('already writing'),
    })
    await slow
    await to.close()
  })

  it('killed three times with -9 goes on where it was; verify says equal', async () => {
    const many = await openStores(project, { dataDir: dataDir('many'), bindings: ['links', 'files'] })
    await fillKv(many, 'links', 12_000)
    await fillBlobs(
      many,
      'files',
      Array.from({ length: 40 }, () => 50_000),
    )
    await many.close()
    const args = [
      'data',
      'copy',
      '--from',
      'node',
      '--from-data-dir',
      dataDir('many'),
      '--to',
      'node',
      '--to-data-dir',
      dataDir('many-copy'),
      '-b',
      'links',
      'files',
      '--project',
      project.dir,
    ]
    for (let kill = 0; kill < 3; kill++) {
      const { child, result } = startUnmoor([...args, '--rate', '3000'])
      const journals = join(project.dir, '.unmoor/transfers')
      const before = await lastNote(journals)
      const until = Date.now() + 20_000
      while ((await lastNote(journals)) === before && Date.now() < until && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20))
      child.kill('SIGKILL')
      await result
    }
    const { code, stdout } = await unmoor([...args, '--reporter', 'json'])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toMatchObject({ resumed: true, bindings: { links: { records: 12_007 }, files: { records: 40 } } })
    const proof = await unmoor(['data', 'verify', ...args.slice(2), '--reporter', 'json'])
    expect(JSON.parse(proof.stdout)).toMatchObject({ equal: true, bindings: { links: { records: 12_007 }, files: { records: 40 } } })
  }, 60_000)

  async function lastNote(folder: string): Promise<string> {
    const names = await readdir(folder).catch((): string[] => [])
    return (await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8').catch(() => '')))).join()
  }

  it('an export killed with -9 goes on, and its archive is whole', async () => {
    const dir = dataDir('killed-archive')
    const args = ['data', 'export', dir, '--from', 'node', '--from-data-dir', dataDir('many'), '--project', project.dir, '-b', 'links', 'files']
    const { child, result } = startUnmoor([...args, '--rate', '5000'])
    const until = Date.now() + 20_000
    while (!(await readdir(dir).catch((): string[] => [])).includes('progress.json') && Date.now() < until)
      await new Promise((resolve) => setTimeout(resolve, 20))
    child.kill('SIGKILL')
    await result
    expect((await unmoor(args)).code).toBe(0)
    const proof = await unmoor(['data', 'verify', dir, '--from', 'node', '--from-data-dir', dataDir('many'), '-b', 'links', 'files', '--project', project.dir])
    expect(proof).toMatchObject({ code: 0, stdout: expect.stringContaining('Equal.') })
  }, 60_000)
})

describe('journals', () => {
  it('of another transfer are refused', async () => {
    const path = journal()
    const one = await Journal.open(path, 'a', 'b', false)
    one.part('links').records = 1
    await one.save()
    await expect(Journal.open(path, 'a', 'c', false)).rejects.toMatchObject({ code: 'Conflict' })
    expect((await Journal.open(path, 'a', 'b', false)).isResumed).toBe(true)
  })
})
