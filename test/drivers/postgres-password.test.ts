/** A Postgres of its own that asks for a password, as the shared one trusts everybody. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, chownSync, copyFileSync, globSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { cronStore } from '../../adapters/drivers/postgres/cron/index.ts'
import { blob, kv, queue, sql } from '../../adapters/drivers/postgres/index.ts'
import { freePort } from '../../adapters/lambda/local/services/free-port.ts'
import { queue as declareQueue } from '../../core/bindings/declarations.ts'
import { migrate } from '../../core/bindings/migrations.ts'
import { CertificateAuthority, hasOpenssl } from '../targets/certificates.ts'
import { driverContext, failure } from './contracts/harness.ts'

const programs = globSync('/usr/lib/postgresql/*/bin/initdb').map(dirname).at(-1)
if (programs === undefined)
  console.warn(
    'postgres passwords: skipped, no initdb in /usr/lib/postgresql. Run: apt-get install postgresql',
  )

/** The server refuses to run as root: what root starts runs as the user that the package made. */
function postgresUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {}
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres']))
  return { uid: id('-u'), gid: id('-g') }
}

/** Gives the server a certificate that no client trusts. */
async function addCertificate(data: string, { uid, gid }: ReturnType<typeof postgresUser>): Promise<void> {
  await using authority = await CertificateAuthority.create()
  await authority.issue('server', ['IP:127.0.0.1'])
  for (const [from, to] of [
    ['server.pem', 'server.crt'],
    ['server.key', 'server.key'],
  ] as const) {
    const path = join(data, to)
    copyFileSync(join(authority.dir, from), path)
    chmodSync(path, 0o600)
    if (uid !== undefined) chownSync(path, uid, gid as number)
  }
}

describe.skipIf(programs === undefined)('a Postgres that asks for a password', () => {
  const folder = mkdtempSync(join(tmpdir(), 'unmoor-postgres-'))
  let server: ChildProcess
  let port: number
  const url = (user: string): string => `postgres://${user}@127.0.0.1:${port}/postgres`

  /** Waits until the server answers with its password; false where it ended before. */
  async function serves(): Promise<boolean> {
    const driver = await sql({ url: url('app:right-hunter2') }, driverContext({}))
    const answers = (): Promise<boolean> =>
      driver.query({ text: 'SELECT 1', params: [] }).then(
        () => true,
        () => false,
      )
    const hasEnded = (): boolean => server.exitCode !== null || server.signalCode !== null
    await vi.waitUntil(async () => hasEnded() || (await answers()), { timeout: 120_000, interval: 100 })
    await driver.close?.()
    return !hasEnded()
  }

  beforeAll(async () => {
    const user = postgresUser()
    writeFileSync(join(folder, 'password'), 'right-hunter2')
    if (user.uid !== undefined)
      for (const path of [folder, join(folder, 'password')]) chownSync(path, user.uid, user.gid as number)
    const data = join(folder, 'data')
    execFileSync(
      join(programs as string, 'initdb'),
      [
        '-D',
        data,
        '-U',
        'app',
        '-A',
        'scram-sha-256',
        '--pwfile',
        join(folder, 'password'),
        '-E',
        'UTF8',
        '--no-sync',
      ],
      {
        ...user,
        cwd: folder,
        stdio: 'ignore',
      },
    )
    const tls = hasOpenssl ? ['-c', 'ssl=on'] : []
    if (hasOpenssl) await addCertificate(data, user)
    // Postgres takes no port 0, and another process may be faster at a port that was free: then it ends at
    // once.
    do {
      port = await freePort()
      server = spawn(
        join(programs as string, 'postgres'),
        ['-D', data, '-p', String(port), '-h', '127.0.0.1', '-k', folder, '-F', ...tls],
        { ...user, cwd: folder, stdio: 'ignore' },
      )
    } while (!(await serves()))
  })
  afterAll(async () => {
    server.kill('SIGINT')
    if (server.exitCode === null) await once(server, 'exit')
    rmSync(folder, { recursive: true, force: true })
  })

  it.each([
    ['a wrong one', 'app:wrong-hunter2'],
    ['none', 'app'],
    ['one of a user that is not there', 'nobody:wrong-hunter2'],
  ])(
    '%s is PermissionDenied in every binding, not retryable and not applied, and is not printed',
    async (_, user) => {
      const context = driverContext({}, { dataDir: folder })
      const options = { url: url(user), connectTimeout: 5 }
      const [db, entries, files, jobs] = await Promise.all([
        sql(options, context),
        kv(options, context),
        blob(options, context),
        queue(options, driverContext({ declaration: declareQueue() })),
      ])
      const calls = [
        () => db.query({ text: 'SELECT 1', params: [] }),
        () => db.batch([{ text: 'SELECT 1', params: [] }]),
        () => entries.put('a', 'b', {}),
        () => files.head('a'),
        () => jobs.send([{ id: 'a', contentType: 'json', body: '1', delaySeconds: 0 }]),
      ]
      for (const call of calls) {
        const error = await failure(call(), 'PermissionDenied')
        expect([error.retryable, error.mayHaveApplied]).toEqual([false, false])
        expect(error.message).toContain('Check the user and password')
        expect(`${error.message} ${String(error.cause)}`).not.toContain('hunter2')
      }
      for (const driver of [db, entries, files, jobs]) await driver.close?.()
    },
  )

  it.runIf(hasOpenssl)(
    'is spoken to over TLS where the url says so, and trusted by its certificate',
    async () => {
      const secured = async (query: string): Promise<unknown> => {
        const db = await sql(
          { url: `${url('app:right-hunter2')}${query}`, max: 1, connectTimeout: 20 },
          driverContext({}),
        )
        try {
          const text = 'SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()'
          return (await db.query({ text, params: [] })).rows[0]?.[0]
        } finally {
          await db.close?.()
        }
      }
      const shown = [await secured(''), await secured('?sslmode=require'), await secured('?sslmode=prefer')]
      expect(shown.map(Boolean)).toEqual([false, true, true])
      await expect(secured('?sslmode=verify-full')).rejects.toThrow(/certificate/)
    },
  )

  it('a user who owns a schema, and may make none, has all bindings in it; one who may only use the tables too', async () => {
    const admin = await sql({ url: url('app:right-hunter2'), max: 1 }, driverContext({}))
    const run = async (...texts: string[]): Promise<void> => {
      for (const text of texts) await admin.query({ text, params: [] })
    }
    await run(
      "CREATE ROLE owner LOGIN PASSWORD 'owner-hunter2'",
      "CREATE ROLE guest LOGIN PASSWORD 'guest-hunter2'",
      'CREATE SCHEMA shop AUTHORIZATION owner',
    )
    for (const [index, user] of ['owner:owner-hunter2', 'guest:guest-hunter2'].entries()) {
      const options = { url: url(user), schema: 'shop' }
      const context = driverContext({}, { dataDir: folder })
      const entries = await kv(options, context)
      const files = await blob(options, context)
      const jobs = await queue(options, driverContext({ declaration: declareQueue() }))
      const crons = await cronStore(options, context)
      const db = await sql(options, context)
      await entries.put('a', user, {})
      await files.put('a', Buffer.from(user), { httpMetadata: {}, customMetadata: {} })
      await jobs.send([{ id: user, contentType: 'json', body: '1', delaySeconds: 0 }])
      expect(await crons.claim('tick', index * 60_000, user, 60)).toEqual({ state: 'claimed', attempt: 1 })
      const { applied } = await migrate(db, 'db', [
        { name: '0001_clicks', checksum: 'one', sql: { default: 'CREATE TABLE clicks (n integer)' } },
      ])
      expect(applied).toEqual(user.startsWith('owner') ? ['0001_clicks'] : [])
      await db.query({ text: 'INSERT INTO clicks VALUES (1)', params: [] })
      for (const driver of [entries, files, jobs, db, crons]) await driver.close?.()
      await run(
        'GRANT USAGE ON SCHEMA shop TO guest',
        'GRANT ALL ON ALL TABLES IN SCHEMA shop TO guest',
        'GRANT ALL ON ALL SEQUENCES IN SCHEMA shop TO guest',
      )
    }
    await admin.close?.()
  })

  it('takes more connections than the server has as Unavailable, which may be tried again, and goes on', async () => {
    const admin = await sql({ url: url('app:right-hunter2'), max: 1 }, driverContext({}))
    await admin.query({ text: "CREATE ROLE few LOGIN PASSWORD 'few-hunter2' CONNECTION LIMIT 1", params: [] })
    const few = await sql({ url: url('few:few-hunter2'), max: 4 }, driverContext({}))
    const outcomes = await Promise.allSettled(
      Array.from({ length: 4 }, () => few.query({ text: 'SELECT pg_sleep(0.3)', params: [] })),
    )
    const refused = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [outcome.reason as unknown] : [],
    )
    expect(refused.length).toBeGreaterThan(0)
    for (const reason of refused) {
      const error = await failure(Promise.reject(reason), 'Unavailable')
      expect([error.retryable, error.mayHaveApplied]).toEqual([true, false])
    }
    await few.query({ text: 'SELECT 1', params: [] })
    await few.close?.()
    await admin.close?.()
  })
})
