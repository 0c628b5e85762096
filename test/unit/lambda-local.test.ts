import { execFile, spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { kv } from '../../adapters/drivers/dynamodb/index.ts'
import { blob } from '../../adapters/drivers/s3/index.ts'
import { queue } from '../../adapters/drivers/sqs/index.ts'
import {
  type LocalAws,
  type LocalAwsOptions,
  startLocalAws,
} from '../../adapters/lambda/local/services/index.ts'
import { importOptional } from '../../adapters/lambda/local/services/packages.ts'
import { createPlan } from '../../adapters/lambda/local/services/plan.ts'
import {
  blob as declareBlob,
  kv as declareKv,
  queue as declareQueue,
  sql as declareSql,
} from '../../core/bindings/declarations.ts'
import type { BlobDriver, DriverContext, KvDriver, QueueDriver } from '../../core/bindings/drivers.ts'
import type { Manifest } from '../../core/manifest.ts'
import { PATIENCE } from '../patience.ts'

const manifest: Manifest = {
  version: 1,
  name: 'Local Test',
  bindings: {
    links: declareKv(),
    icons: declareBlob(),
    clicks: declareQueue({ maxRetries: 2, deadLetterQueue: 'failedClicks' }),
    failedClicks: declareQueue(),
    stats: declareSql(),
  },
  fetch: true,
  queues: ['clicks'],
  crons: {},
}
const drivers = {
  links: { driver: 'dynamodb', table: { env: 'UNMOOR_TABLE' }, bucket: { env: 'UNMOOR_BUCKET' } },
  icons: { driver: 's3', bucket: { env: 'UNMOOR_BUCKET' } },
  clicks: { driver: 'sqs' },
  failedClicks: { driver: 'sqs' },
  stats: { driver: 'postgres', url: { env: 'DATABASE_URL' } },
}

describe('the plan of local services', () => {
  it('names everything that the drivers need', () => {
    expect(createPlan(manifest, drivers, {})).toEqual({
      tables: { UNMOOR_TABLE: 'unmoor-local-test' },
      buckets: { UNMOOR_BUCKET: 'unmoor-local-test' },
      queues: [
        {
          binding: 'clicks',
          name: 'local-test-clicks',
          variable: 'CLICKS_QUEUE_URL',
          redrive: { binding: 'failedClicks', maxReceiveCount: 3 },
        },
        { binding: 'failedClicks', name: 'local-test-failedClicks', variable: 'FAILED_CLICKS_QUEUE_URL' },
      ],
      databases: ['DATABASE_URL'],
    })
  })

  it('leaves out what the caller brings', () => {
    const none = { tables: {}, buckets: {}, queues: [], databases: [] }
    expect(
      createPlan(manifest, drivers, { AWS_ENDPOINT_URL: 'http://a', DATABASE_URL: 'postgres://b' }),
    ).toEqual(none)
    const plan = createPlan(manifest, drivers, { AWS_ENDPOINT_URL_S3: 'http://a', UNMOOR_TABLE: 'mine' })
    expect(plan.buckets).toEqual({})
    expect(plan.tables).toEqual({ UNMOOR_TABLE: 'mine' })
    expect(
      createPlan(
        manifest,
        { links: { driver: 'sqlite' }, stats: { driver: 'postgres', url: 'postgres://fixed' } },
        {},
      ),
    ).toEqual(none)
    expect(createPlan(manifest, { links: { driver: 'dynamodb', table: 'fixed' } }, {}).tables).toEqual({
      '=fixed': 'fixed',
    })
  })

  it('says which package to install', async () => {
    await expect(importOptional('unmoor-no-such-package', 'A kv binding')).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('npm install --save-dev unmoor-no-such-package'),
    })
  })
})

describe('local services', () => {
  let dataDir: string
  const running: LocalAws[] = []
  const log = { info() {}, warn() {} }
  const start = async (options: Partial<LocalAwsOptions> = {}): Promise<LocalAws> => {
    const local = await startLocalAws({
      manifest,
      drivers,
      variables: { UNMOOR_POSTGRES_URL: 'embedded' },
      log,
      ...options,
    })
    running.push(local)
    return local
  }
  const context = (local: LocalAws, binding: string): DriverContext => ({
    binding,
    app: 'x',
    declaration: manifest.bindings[binding] ?? declareKv(),
    now: Date.now,
    variable: (name) => local.variables[name],
  })
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'unmoor-local-'))
  })
  afterEach(async () => {
    for (const local of running.splice(0)) await local.stop()
    await rm(dataDir, { recursive: true, force: true })
  })

  it('start nothing where nothing is needed', async () => {
    expect(await start({ drivers: { links: { driver: 'memory' } } })).toMatchObject({
      variables: {},
      queues: {},
      pids: [],
    })
  })

  it('keep data from one start to the next, and end without a trace', async () => {
    const first = await start({ dataDir })
    expect(first.servers.join()).toMatch(/^dynalite 4\S+,fauxqs 2\S+,pglite/)
    await (kv({}, context(first, 'links')) as KvDriver).put('a', 'kept', {})
    await (blob({}, context(first, 'icons')) as BlobDriver).put(
      'i',
      new Uint8Array(9 * 1024 * 1024).fill(3),
      { httpMetadata: {}, customMetadata: { a: 'é' } },
    )
    await (queue({}, context(first, 'clicks')) as QueueDriver).send([
      { id: 'm', contentType: 'json', body: '1', delaySeconds: 0 },
    ])
    const sql = postgres(first.variables['DATABASE_URL'] ?? '', { max: 3, onnotice: () => {} })
    await sql`create table t (n int)`
    await Promise.all(Array.from({ length: 5 }, (_, n) => sql.begin((tx) => tx`insert into t values (${n})`)))
    await sql.end()
    const ports = Object.entries(first.variables).flatMap(([name, value]) =>
      name.startsWith('AWS_ENDPOINT') ? [Number(new URL(value).port)] : [],
    )
    await first.stop()
    for (const port of ports) await expect(connect(port)).rejects.toThrow('ECONNREFUSED')
    for (const pid of first.pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH')

    const second = await start({ dataDir })
    expect((await (kv({}, context(second, 'links')) as KvDriver).get('a', 'text'))?.value).toBe('kept')
    expect(await (blob({}, context(second, 'icons')) as BlobDriver).head('i')).toMatchObject({
      size: 9 * 1024 * 1024,
      customMetadata: { a: 'é' },
    })
    const received = await (queue({}, context(second, 'clicks')) as QueueDriver).receive?.({
      max: 1,
      leaseSeconds: 5,
      waitSeconds: 0,
      signal: new AbortController().signal,
    })
    expect(received?.map(({ id }) => id)).toEqual(['m'])
    const again = postgres(second.variables['DATABASE_URL'] ?? '', { max: 1 })
    expect((await again`select sum(n)::int as total from t`)[0]).toEqual({ total: 10 })
    await again.end()
  })

  it('give several clients at once a Postgres of their own, although it is embedded', async () => {
    const local = await start({ drivers: { stats: drivers.stats } })
    const url = local.variables['DATABASE_URL'] ?? ''
    const open = (max: number, searchPath?: string): postgres.Sql =>
      postgres(url, {
        max,
        fetch_types: false,
        onnotice: () => {},
        ...(searchPath === undefined ? {} : { connection: { search_path: searchPath } }),
      })
    const clients = [open(5), open(5), open(5)] as const
    const pick = (index: number): postgres.Sql => clients[(index % 3) as 0 | 1 | 2]
    await clients[0]`create table t (id int primary key, n int not null)`
    await clients[0]`insert into t values (1, 0)`
    const count = async (tx: postgres.TransactionSql): Promise<void> => {
      const [row] = await tx<[{ n: number }]>`select n from t where id = 1`
      await tx`update t set n = ${row.n + 1} where id = 1`
    }
    await Promise.all(Array.from({ length: 60 }, (_, index) => pick(index).begin(count)))
    expect((await clients[1]`select n from t`)[0]).toEqual({ n: 60 })
    const answers = await Promise.all(
      Array.from({ length: 200 }, (_, index) => pick(index)`select ${index}::int as i, ${`x${index}`} as s`),
    )
    answers.forEach(([row], index) => expect(row).toEqual({ i: index, s: `x${index}` }))
    const mixed = await Promise.allSettled(
      Array.from({ length: 30 }, (_, index) =>
        index % 2 === 0 ? pick(index)`insert into t values (1, 1)` : pick(index)`select ${index}::int as i`,
      ),
    )
    mixed.forEach((result, index) =>
      expect(result).toMatchObject(
        index % 2 === 0 ? { reason: { code: '23505' } } : { value: [{ i: index }] },
      ),
    )
    // A client that goes away in a transaction neither holds the others up nor leaves it open.
    const dying = open(1)
    const stuck = dying.begin(async (tx) => {
      await tx`update t set n = 999`
      await dying.end({ timeout: 0 })
    })
    await expect(stuck).rejects.toThrow('CONNECTION')
    expect((await clients[2]`select n from t`)[0]).toEqual({ n: 60 })
    // Each has its own search path.
    const other = open(2, 'other, public')
    await other`create schema other`
    await other`create table t (label text)`
    await other`insert into t values ('here')`
    const both = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        index % 2 === 0 ? other`select label from t` : clients[0]`select n from t`,
      ),
    )
    both.forEach((rows, index) => expect(rows[0]).toEqual(index % 2 === 0 ? { label: 'here' } : { n: 60 }))
    await Promise.all([...clients, other].map((client) => client.end()))
  })

  it('listen on 127.0.0.1 only', async () => {
    const local = await start({
      drivers: {
        links: drivers.links,
        icons: drivers.icons,
        clicks: drivers.clicks,
        failedClicks: drivers.failedClicks,
      },
    })
    const { stdout } = await promisify(execFile)('cat', ['/proc/net/tcp', '/proc/net/tcp6']).catch(() => ({
      stdout: '',
    }))
    for (const [name, value] of Object.entries(local.variables)) {
      if (!name.startsWith('AWS_ENDPOINT')) continue
      const port = Number(new URL(value).port).toString(16).toUpperCase().padStart(4, '0')
      const listening = stdout.split('\n').filter((line) => line.includes(`:${port} `) && / 0A /.test(line))
      expect(listening.map((line) => line.trim().split(/\s+/)[1])).toEqual(
        listening.map(() => `0100007F:${port}`),
      )
    }
  })

  it('end when the process that started them is killed', async () => {
    const script = join(dataDir, 'starter.ts')
    const module = new URL('../../adapters/lambda/local/services/index.ts', import.meta.url).href
    await writeFile(
      script,
      `import { startLocalAws } from ${JSON.stringify(module)}
const local = await startLocalAws({ manifest: ${JSON.stringify(manifest)}, drivers: { links: { driver: 'dynamodb' } }, variables: {}, log: { info() {}, warn() {} } })
console.log(JSON.stringify(local.pids))
setInterval(() => {}, 1000)
`,
    )
    const starter = spawn(process.execPath, ['--no-warnings', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const line = await new Promise<string>((resolve) =>
      starter.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())),
    )
    const [pid] = JSON.parse(line) as [number]
    expect(process.kill(pid, 0)).toBe(true)
    starter.kill('SIGKILL')
    await expect.poll(() => isAlive(pid), PATIENCE).toBe(false)
  })

  it('say what is wrong with a Postgres that cannot be used', async () => {
    const options = {
      drivers: { stats: drivers.stats },
      variables: { UNMOOR_POSTGRES_URL: 'postgres://user:secret@127.0.0.1:1/x' },
    }
    await expect(start(options)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/^(?!.*secret).*UNMOOR_POSTGRES_URL/s),
    })
  })
})

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

function connect(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: '127.0.0.1', port })
    socket.once('connect', () => {
      socket.destroy()
      resolve()
    })
    socket.once('error', reject)
  })
}
