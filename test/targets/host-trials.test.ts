import { readdirSync, readFileSync } from 'node:fs'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { PATIENCE } from '../patience.ts'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { buildLab, type HostLab, labApp, metric, startHostLab } from './host-lab.ts'

const TOKEN = 'correct horse'
/** A statement without end. */
const ENDLESS =
  'CREATE TABLE t AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS n FROM c'
let artifact: string
const folders: string[] = []
beforeAll(async () => {
  artifact = await buildLab(labApp('db: sql()'))
  folders.push(artifact)
})
afterAll(() => Promise.all(folders.map((dir) => rm(dir, { recursive: true, force: true }))))

async function withMigrations(...texts: string[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-artifact-'))
  folders.push(dir)
  await cp(artifact, dir, { recursive: true })
  const info = JSON.parse(await readFile(join(dir, 'unmoor.json'), 'utf8')) as { migrations: unknown }
  const migrations = texts.map((text, index) => ({
    name: `000${index}_m`,
    checksum: `${index}`,
    sql: { default: text },
  }))
  await writeFile(join(dir, 'unmoor.json'), JSON.stringify({ ...info, migrations: { db: migrations } }))
  return dir
}

function clientOf(lab: HostLab): DeployClient {
  return new DeployClient({ url: lab.host.adminUrl as string, token: TOKEN })
}

/** Processes of hosts that this one has started. */
function children(): number[] {
  return readdirSync('/proc/self/task')
    .flatMap((thread) => readFileSync(`/proc/self/task/${thread}/children`, 'utf8').split(' ').map(Number))
    .filter((pid) => {
      if (pid === 0) return false
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('/host/worker/worker.')
      } catch {
        return false
      }
    })
}

/** The process that waits; no trial has been run. */
async function spareOf(lab: HostLab, but = 0): Promise<number> {
  const spare = (): number | undefined =>
    lab.host.spareIsReady ? children().find((pid) => !lab.host.pids.includes(pid) && pid !== but) : undefined
  await expect.poll(spare).toBeGreaterThan(0)
  return spare() as number
}

test('migrations without end keep no other version from being deployed, and end at their limit', async () => {
  await using lab = await startHostLab({ processes: 1, admin: { port: 0, token: TOKEN } })
  const client = clientOf(lab)
  const endless = await withMigrations('CREATE TABLE kept (a TEXT)', ENDLESS)
  const ended: string[] = []
  // Held until they are killed: their limit is an hour.
  const hogs = ['hog', 'hog-2'].map((name) =>
    client
      .deploy(name, endless, { settings: { limits: { migrationTimeout: 3600 } } })
      .catch((error: Error) => error)
      .finally(() => ended.push(name)),
  )
  const before = new Set(children())
  await expect.poll(() => children().filter((pid) => !before.has(pid)).length).toBeGreaterThanOrEqual(1)
  for (let deploy = 1; deploy <= 3; deploy++)
    await client.deploy('other', artifact, { settings: { variables: { WORD: `v${deploy}` } } })
  expect((await lab.send('other')).text).toBe('v3 /')
  expect(ended).toEqual([])
  // Nor from being served where a process ends meanwhile.
  await expect.poll(() => lab.host.spareIsReady).toBe(true)
  const healthz = await (await fetch(`${lab.host.adminUrl}/healthz`)).json()
  expect(healthz).toEqual({ processes: 1, spare: true })
  process.kill(lab.host.pids[0] as number, 'SIGKILL')
  await expect
    .poll(() =>
      lab.send('other').then(
        ({ text }) => text,
        () => 'none',
      ),
    )
    .toBe('v3 /')
  expect(ended).toEqual([])

  await expect(
    client.deploy('late', endless, { settings: { limits: { migrationTimeout: 0.5 } } }),
  ).rejects.toMatchObject({
    code: 'Timeout',
    message: expect.stringMatching(/limit of migrationTimeout, 0.5 s.*raise the limit/),
  })
  const hits = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  expect(hits).toContain('unmoor_limit_hits_total{app="late",limit="migrationMs"} 1')
  // What was committed stays, what was not is undone, and nothing is locked.
  const repaired = await withMigrations('CREATE TABLE kept (a TEXT)', 'CREATE TABLE t (n INT)')
  await client.deploy('late', repaired)
  expect(await lab.run('late', `return await env.db.all('SELECT * FROM t')`)).toEqual([])

  for (const pid of children()) if (!lab.host.pids.includes(pid)) process.kill(pid, 'SIGKILL')
  for (const hog of hogs)
    expect(await hog).toMatchObject({
      message: expect.stringContaining('the process that tried to start it ended'),
    })
  expect(await metric(lab, 'unmoor_requests_total', 'hog')).toBe(0)
})

test('a process that waits is replaced where it is killed, and where it hangs', async () => {
  await using lab = await startHostLab({ processes: 1, stallTimeout: 1, apps: { app: { dir: artifact } } })
  const first = await spareOf(lab)
  process.kill(first, 'SIGKILL')
  const second = await spareOf(lab, first)
  expect(second).not.toBe(first)
  process.kill(second, 'SIGSTOP')
  const third = await spareOf(lab, second)
  expect(third).not.toBe(second)
  expect(lab.lines.join('\n')).toContain('The process that waits to replace another answers nobody')
  process.kill(lab.host.pids[0] as number, 'SIGKILL')
  await expect.poll(() => lab.host.pids).toEqual([third])
})

test('migrations of apps that the config names take their time, or end at their limit, and hold nobody up', async () => {
  // Well over the stallTimeout, by which a process that serves others would be killed.
  const long = await withMigrations(
    'CREATE TABLE t AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 30000000) SELECT count(*) AS n FROM c',
  )
  const endless = await withMigrations(ENDLESS)
  await using lab = await startHostLab({
    processes: 1,
    stallTimeout: 1,
    admin: { port: 0, token: TOKEN },
    apps: {
      // The more a machine has to do, the longer the migration takes.
      long: { dir: long, limits: { migrationTimeout: 3600 } },
      endless: { dir: endless, limits: { migrationTimeout: 0.5 } },
      other: { dir: artifact },
    },
  })
  const [pid] = lab.host.pids
  // The host's start waits 30 s for migrations, and then serves the others first.
  await expect.poll(() => lab.send('long').then(({ status }) => status), { timeout: 170_000 }).toBe(200)
  expect(await lab.run('long', `return await env.db.all('SELECT * FROM t')`)).toEqual([{ n: 30_000_000 }])
  // On a busy machine its trial begins late, and until then it says that its migrations are under way.
  await expect
    .poll(() => lab.send('endless'), PATIENCE)
    .toMatchObject({ status: 503, text: expect.stringContaining('limit of migrationTimeout, 0.5 s') })
  expect((await lab.send('endless')).status).toBe(503)
  expect((await lab.send('other')).text).toBe('hello /')
  expect(lab.host.pids).toEqual([pid])
})

test('migrations that a host finds in a shared store keep it from no other change', async () => {
  process.env['UNMOOR_HOST_KEY'] = 'key of the fleet'
  try {
    await using a = await startHostLab({ processes: 1, pollMs: 100, admin: { port: 0, token: TOKEN } })
    const data = join(a.dir, 'data')
    const store = {
      sql: { driver: 'sqlite', path: join(data, 'store/deploys.sqlite') },
      blob: { driver: 'fs', path: join(data, 'store/files') },
    }
    await using b = await startHostLab({ processes: 1, pollMs: 100, admin: { port: 0, token: TOKEN }, store })
    // Short where the table is empty, and without end where it has what only this host has.
    await clientOf(a).deploy('hog', await withMigrations('CREATE TABLE IF NOT EXISTS gate (a)'))
    await expect.poll(() => b.send('hog').then(({ status }) => status)).toBe(200)
    await b.run('hog', `await env.db.run('INSERT INTO gate VALUES (1)')`)
    await clientOf(a).deploy(
      'hog',
      await withMigrations(
        'CREATE TABLE IF NOT EXISTS gate (a)',
        'CREATE TABLE t AS WITH RECURSIVE c(n) AS (SELECT 1 FROM gate UNION ALL SELECT n + 1 FROM c) SELECT count(*) AS n FROM c',
      ),
      { settings: { limits: { migrationTimeout: 3600 } } },
    )
    await clientOf(a).deploy('other', artifact)
    await expect.poll(() => b.send('other').then(({ text }) => text)).toBe('hello /')
    // The version before serves on.
    expect((await b.send('hog')).status).toBe(200)
  } finally {
    delete process.env['UNMOOR_HOST_KEY']
  }
})
