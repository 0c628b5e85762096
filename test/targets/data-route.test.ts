import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LocalRuntime } from '../../core/adapter.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import type { Claimant } from '../../core/tools/data/claim.ts'
import { Claims } from '../../core/tools/data/claims.ts'
import { openLive } from '../../core/tools/data/place.ts'
import type { Live } from '../../core/tools/data/live.ts'
import { transfer } from '../../core/tools/data/transfer.ts'
import { verify } from '../../core/tools/data/verify.ts'
import type { TempProject } from '../unit/temp-project.ts'
import {
  dataProject,
  fillBlobs,
  fillKv,
  fillSqlite,
  migrateSqlite,
  openStores,
  sqliteFile,
} from './data-lab.ts'

const TOKEN: string = randomUUID()
const LOG = { info() {}, warn() {} }
let project: TempProject
let scratch: string
let source: Live

async function start(target: string, options: { dataRoute: boolean; token?: string }): Promise<LocalRuntime> {
  const outDir = join(scratch, `${target}-${randomUUID()}`)
  const { adapter, info } = await buildApp({
    projectDir: project.dir,
    target,
    outDir,
    dataRoute: options.dataRoute,
  })
  return adapter.start({
    dir: outDir,
    info,
    dataDir: join(scratch, `data-${randomUUID()}`),
    port: 0,
    variables: { UNMOOR_DATA_TOKEN: options.token ?? TOKEN },
    log: LOG,
  })
}

const open = (url: string, token = TOKEN): Promise<Live> =>
  openLive(url, { projectDir: project.dir, exclude: [], token })

beforeAll(async () => {
  project = await dataProject()
  scratch = await mkdtemp(join(tmpdir(), 'unmoor-data-route-'))
  const dataDir = join(scratch, 'source')
  source = await openStores(project, { dataDir })
  await fillKv(source, 'links', 120)
  await fillKv(source, 'counts', 5)
  await fillBlobs(source, 'files')
  await migrateSqlite(project, dataDir)
  const database = await sqliteFile(dataDir)
  fillSqlite(database, 120)
  database.close()
})
afterAll(async () => {
  await source.close()
  await project[Symbol.asyncDispose]()
  await rm(scratch, { recursive: true, force: true })
})

describe.each(['node', 'cloudflare', 'isolate'])('a deployment on %s', (target) => {
  let running: LocalRuntime
  beforeAll(async () => {
    running = await start(target, { dataRoute: true })
  })
  afterAll(() => running.stop())

  it('takes and gives kv, strong kv, blobs and tables', async () => {
    const there = await open(running.url)
    await transfer(source, there, { journal: join(scratch, `${randomUUID()}.json`) })
    expect(await verify(source, there, { wait: 5 })).toMatchObject({
      equal: true,
      differences: [],
      bindings: { links: { records: 127 }, files: { records: 6 }, db: { records: 131 } },
    })
    const before = await openStores(project, {
      dataDir: join(scratch, `back-${target}`),
      bindings: ['links', 'files'],
    })
    await transfer(there, before, {
      journal: join(scratch, `${randomUUID()}.json`),
      bindings: ['links', 'files'],
    })
    expect(await verify(source, before, { bindings: ['links', 'files'] })).toMatchObject({ equal: true })
    await before.close()
  })

  it('keeps the claims of writers, who see each other', async () => {
    const [one, two] = [await open(running.url), await open(running.url)]
    const bindings = ['links', 'counts', 'files', 'db']
    const [first, second] = [randomUUID(), randomUUID()].map((id) => ({
      id,
      host: `host of ${id}`,
      since: new Date().toISOString(),
    }))
    const claims = await Claims.take(one, bindings, first as Claimant)
    for (const binding of bindings)
      await expect(Claims.take(two, [binding], second as Claimant)).rejects.toMatchObject({
        code: 'Conflict',
        message: expect.stringContaining(`on host of ${first?.id} is already writing into "${binding}"`),
      })
    await claims.renew()
    await claims.release()
    await (await Claims.take(two, bindings, second as Claimant)).release()
    await one.close()
    await two.close()
  })

  it('leaves a request with a wrong token or none to the app, as if there were no route', async () => {
    await expect(open(running.url, 'x'.repeat(36))).rejects.toMatchObject({
      code: 'PermissionDenied',
      message: expect.stringContaining('--data-route'),
    })
    for (const path of ['/.unmoor/data', '/.unmoor/data/blob?binding=files&key=a', '/other']) {
      const response = await fetch(new URL(path, running.url), { method: 'POST', body: '{"op":"bindings"}' })
      expect([path, response.status, await response.text()]).toEqual([path, 200, 'ok'])
    }
  })

  it('the app itself answers all other paths', async () => {
    expect(await (await fetch(running.url)).text()).toBe('ok')
  })
})

describe('without the route', () => {
  it('a build has none', async () => {
    const running = await start('node', { dataRoute: false })
    await expect(open(running.url)).rejects.toMatchObject({ code: 'PermissionDenied' })
    await running.stop()
  })

  it('a token under 24 characters is none', async () => {
    const running = await start('node', { dataRoute: true, token: 'short' })
    await expect(open(running.url, 'short')).rejects.toMatchObject({
      code: 'PermissionDenied',
      message: expect.stringContaining('24 characters'),
    })
    await running.stop()
  })

  it('a build with it does not start without the secret', async () => {
    const outDir = join(scratch, 'no-secret')
    const { adapter, info } = await buildApp({
      projectDir: project.dir,
      target: 'node',
      outDir,
      dataRoute: true,
    })
    await expect(
      adapter.start({
        dir: outDir,
        info,
        dataDir: join(scratch, 'no-secret-data'),
        port: 0,
        variables: {},
        log: LOG,
      }),
    ).rejects.toThrow('UNMOOR_DATA_TOKEN')
  })
})
