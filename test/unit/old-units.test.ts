import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { resolveAws } from '../../adapters/drivers/aws/settings.ts'
import type { AwsOptions } from '../../adapters/drivers/aws/options.ts'
import { type HttpOptions, service } from '../../adapters/drivers/http/index.ts'
import { parseInfo } from '../../adapters/isolate/host/artifact.ts'
import type { AppSettings } from '../../adapters/isolate/host/app-record.ts'
import type { DeployStore } from '../../adapters/isolate/host/store/deploy-store.ts'
import { openStore } from '../../adapters/isolate/host/store/open-store.ts'
import { Seal } from '../../adapters/isolate/host/store/seal.ts'
import type { ArtifactInfo, DriverSpec } from '../../core/adapter.ts'
import { service as declareService } from '../../core/bindings/declarations.ts'
import type { ServiceDriver } from '../../core/bindings/drivers.ts'
import { buildApp, readArtifact } from '../../core/tools/build/build.ts'
import { driverContext } from '../../core/tools/conformance/drivers/harness.ts'
import { appSource, bareAdapter, tempProject } from './temp-project.ts'

/** What a version before 0.2 wrote, and what it means. */
const OLD = {
  slow: { driver: 'http', timeout: 10_000 },
  quick: { driver: 'http', timeout: 500 },
  items: { driver: 'dynamodb', timeout: 10_000, region: 'eu-west-1' },
  pictures: { driver: 'postgres', timeout: 20, bytes: { driver: 's3', bucket: 'b', timeout: 500 } },
  notes: { driver: 'sqlite', busyTimeout: 500 },
  jobs: { driver: 'redis', timeout: 20 },
}
const PRESENT = {
  slow: { driver: 'http', timeout: 10 },
  quick: { driver: 'http', timeout: 0.5 },
  items: { driver: 'dynamodb', timeout: 10, region: 'eu-west-1' },
  pictures: { driver: 'postgres', timeout: 20, bytes: { driver: 's3', bucket: 'b', timeout: 0.5 } },
  notes: { driver: 'sqlite', busyTimeout: 0.5 },
  jobs: { driver: 'redis', timeout: 20 },
}

let server: Server
let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'unmoor-old-units-'))
  // `/late` answers after more than half a second and `/never` does not.
  server = createServer((request, response) => {
    if (request.url === '/late') setTimeout(() => response.end('late'), 700)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterAll(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => server.close(resolve))
  await rm(dir, { recursive: true, force: true })
})

/** The drivers themselves keep the old values: 500 is half a second and 10,000 is ten seconds. */
async function behavesAsBefore(drivers: Readonly<Record<string, string | DriverSpec>>): Promise<void> {
  expect(drivers).toEqual(PRESENT)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const open = async (binding: string): Promise<ServiceDriver> => {
    const options = drivers[binding] as DriverSpec & HttpOptions
    return service({ ...options, url }, driverContext({ binding, declaration: declareService() }))
  }
  const quick = await open('quick')
  await expect(quick.fetch(new Request('http://api/never'))).rejects.toMatchObject({
    code: 'Timeout',
    message: expect.stringContaining('within 0.5 s'),
  })
  const slow = await open('slow')
  expect(await (await slow.fetch(new Request('http://api/late'))).text()).toBe('late')
  const { timeout } = resolveAws('dynamodb', drivers['items'] as DriverSpec & AwsOptions, {
    binding: 'items',
    variable: (name) => (name.startsWith('AWS_') && !name.startsWith('AWS_ENDPOINT') ? 'x' : undefined),
  })
  expect(timeout).toBe(10_000)
}

describe('an artifact of a version before 0.2', () => {
  it('keeps its time-outs in milliseconds when a command reads it', async () => {
    await using project = await tempProject({ 'src/app.ts': appSource() })
    const { outDir } = await buildApp({ projectDir: project.dir, target: 'bare', adapter: bareAdapter() })
    const file = join(outDir, 'unmoor.json')
    const { format, ...before } = JSON.parse(await readFile(file, 'utf8')) as ArtifactInfo
    expect(format).toBe(2)
    await writeFile(file, JSON.stringify({ ...before, drivers: OLD }))
    await behavesAsBefore((await readArtifact(outDir)).drivers)
    // The same numbers in today's form are seconds.
    await writeFile(file, JSON.stringify({ ...before, format, drivers: OLD }))
    expect((await readArtifact(outDir)).drivers).toEqual(OLD)
    await writeFile(file, JSON.stringify({ ...before, format: 3, drivers: OLD }))
    await expect(readArtifact(outDir)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(/unmoor\.json has the format 3.*knows 2/),
    })
  })

  it('keeps its time-outs in milliseconds on a host', async () => {
    const manifest = { version: 1, name: 'old', bindings: {}, fetch: true, queues: [], crons: {} }
    const info = {
      target: 'isolate',
      manifest,
      drivers: OLD,
      migrations: {},
      options: {},
      testChannel: false,
    }
    await behavesAsBefore(parseInfo(JSON.stringify(info), 'old').drivers)
    expect(parseInfo(JSON.stringify({ ...info, format: 2 }), 'old').drivers).toEqual(OLD)
    expect(() => parseInfo(JSON.stringify({ ...info, format: 'x' }), 'old')).toThrow(
      /unmoor\.json of old: .*format "x"/,
    )
  })
})

describe("an app's settings in a host's store", () => {
  let store: DeployStore
  beforeAll(async () => {
    store = await openStore({ sql: { driver: 'sqlite' }, blob: { driver: 'fs' } }, dir)
    await store.addVersion('shop', [], () => new Uint8Array(), '')
    await store.activate('shop', 1, {})
  })
  afterAll(() => store.close())

  const overwrite = async (text: string): Promise<void> => {
    const seal = new Seal((await readFile(join(dir, 'settings.key'), 'utf8')).trim())
    const database = new DatabaseSync(join(dir, 'store/deploys.sqlite'))
    database
      .prepare('UPDATE unmoor_host_apps SET settings = ? WHERE name = ?')
      .run(seal.close('shop', text), 'shop')
    database.close()
  }
  const settings = async (): Promise<AppSettings | undefined> => (await store.app('shop'))?.settings

  it('keep their time-outs in milliseconds when a version before 0.2 stored them', async () => {
    await overwrite(JSON.stringify({ hosts: ['shop.example.com'], drivers: OLD }))
    const read = await settings()
    expect(read?.hosts).toEqual(['shop.example.com'])
    await behavesAsBefore(read?.drivers ?? {})
    // Stored again they have the format, and stay what they are.
    await store.activate('shop', 1, read ?? {})
    expect(await settings()).toEqual(read)
  })

  it('are in seconds when this version stored them', async () => {
    const drivers = { api: { driver: 'http', timeout: 500 } }
    await store.activate('shop', 1, { drivers })
    expect(await settings()).toEqual({ drivers })
  })

  it('of a later version are refused with the app and the format', async () => {
    await overwrite(JSON.stringify({ format: 9, drivers: {} }))
    await expect(store.app('shop')).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(/settings of "shop" has the format 9/),
    })
  })
})
