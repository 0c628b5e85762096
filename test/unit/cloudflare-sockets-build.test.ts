import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'jsonc-parser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createWranglerConfig, type WranglerConfig } from '../../adapters/cloudflare/build/wrangler.ts'
import cloudflare from '../../adapters/cloudflare/index.ts'
import { checkOptions } from '../../adapters/cloudflare/options.ts'
import { toSimulatorConfig } from '../../adapters/cloudflare/local/simulator.ts'
import { type Bindings, kv } from '../../core/bindings/declarations.ts'
import { sockets } from '../../core/bindings/sockets-declaration.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { appSource, type TempProject, tempProject } from './temp-project.ts'

const STRONG = { tag: 'unmoor-strong-kv', new_sqlite_classes: ['UnmoorStrongKv'] }
const SOCKETS = { tag: 'unmoor-sockets', new_sqlite_classes: ['UnmoorSockets'] }
const counts = kv({ consistency: 'strong' })
const chat = sockets({ path: '/chat' })

function configOf(bindings: Bindings, options: Record<string, unknown> = {}): WranglerConfig {
  const manifest = { version: 1, name: 'shop', bindings, fetch: true, queues: [], crons: {} } as const
  const drivers = Object.fromEntries(Object.keys(bindings).map((name) => [name, { driver: 'cloudflare' }]))
  return createWranglerConfig({
    manifest,
    drivers,
    migrated: [],
    options: checkOptions(options, manifest),
    nodeFlags: [],
  })
}

describe('wrangler.jsonc of an app with sockets', () => {
  it('binds a namespace per binding to one class', () => {
    const config = configOf({ chat, adminNews: sockets({ path: '/news' }) })
    expect(config.durable_objects?.bindings).toEqual([
      { name: 'CHAT', class_name: 'UnmoorSockets' },
      { name: 'ADMIN_NEWS', class_name: 'UnmoorSockets' },
    ])
    expect(toSimulatorConfig(config, { variables: {}, assetsFolder: '' })).toMatchObject({
      env: { CHAT: { type: 'durable-object', worker: 'shop', exportName: 'UnmoorSockets' } },
      exports: { UnmoorSockets: { type: 'durable-object', storage: 'sqlite' } },
    })
  })

  it('has the migrations in one order whatever is declared first, so that deployed tags stay good', () => {
    expect(configOf({ counts }).migrations).toEqual([STRONG])
    expect(configOf({ chat }).migrations).toEqual([STRONG, SOCKETS])
    expect(configOf({ counts, chat }).migrations).toEqual([STRONG, SOCKETS])
    expect(configOf({ chat, counts }).migrations).toEqual([STRONG, SOCKETS])
    expect(configOf({ links: kv() })).not.toHaveProperty('migrations')
  })

  it('has them in each environment', () => {
    const config = configOf({ chat }, { environments: { staging: {} } })
    expect(config.env?.['staging']).toMatchObject({
      name: 'shop-staging',
      durable_objects: { bindings: [{ name: 'CHAT', class_name: 'UnmoorSockets' }] },
      migrations: [STRONG, SOCKETS],
    })
  })
})

describe('a build of an app with sockets for Cloudflare', () => {
  let project: TempProject
  beforeAll(async () => {
    project = await tempProject({
      'src/app.ts': appSource({ bindings: "chat: unmoor.sockets({ path: '/chat', tickets: true })" }),
    })
  })
  afterAll(() => project[Symbol.asyncDispose]())
  const build = (config: object, outDir = 'out'): Promise<{ outDir: string }> =>
    buildApp({
      projectDir: project.dir,
      target: 'cloudflare',
      adapter: cloudflare,
      config,
      outDir: join(project.dir, outDir),
    })

  it('exports every class that a migration names', async () => {
    const { outDir } = await build({})
    const { migrations } = parse(await readFile(join(outDir, 'wrangler.jsonc'), 'utf8')) as WranglerConfig
    const worker = await readFile(join(outDir, 'worker/index.js'), 'utf8')
    const exported = /export\s*\{([^}]*)\}/.exec(worker)?.[1] ?? ''
    for (const name of migrations?.flatMap((one) => one.new_sqlite_classes) ?? [])
      expect(exported).toMatch(new RegExp(`\\b${name}\\b`))
  })

  it('has none of the code where the app declares no sockets', async () => {
    await using plain = await tempProject({ 'src/app.ts': appSource({ bindings: 'links: unmoor.kv()' }) })
    const { outDir } = await buildApp({ projectDir: plain.dir, target: 'cloudflare', adapter: cloudflare })
    const read = (dir: string): Promise<string> => readFile(join(dir, 'worker/index.js'), 'utf8')
    const [bare, full] = [await read(outDir), await read((await build({})).outDir)]
    const traces = ['unmoor-socket', 'UnmoorSockets', 'webSocketMessage', 'DurableObject', '/sockets/']
    expect(traces.filter((trace) => bare.includes(trace))).toEqual([])
    expect(traces.slice(0, 4).filter((trace) => full.includes(trace))).toEqual(traces.slice(0, 4))
  })

  it('refuses a driver of processes that hold sockets, and says what to set', async () => {
    await expect(build({ drivers: { chat: 'redis' } })).rejects.toThrow(
      /"chat": on Cloudflare sockets.*Set targets\.cloudflare\.drivers\.chat to "cloudflare"/,
    )
    const config = {
      drivers: { chat: 'redis' },
      targets: { cloudflare: { drivers: { chat: 'cloudflare' } } },
    }
    await expect(build(config)).resolves.toBeDefined()
  })

  it('refuses a number of objects that cannot be', async () => {
    await expect(build({ drivers: { chat: { driver: 'cloudflare', shards: 101 } } })).rejects.toThrow(
      /drivers\.chat\.shards.*1 to 100/,
    )
  })
})
