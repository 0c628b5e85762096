import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import cloudflare from '../../adapters/cloudflare/index.ts'
import { nodeFlags } from '../../adapters/cloudflare/build/node-builtins.ts'
import { checkOptions } from '../../adapters/cloudflare/options.ts'
import { toSimulatorConfig, workerVariables } from '../../adapters/cloudflare/local/simulator.ts'
import { createWranglerConfig, toJsonc } from '../../adapters/cloudflare/build/wrangler.ts'
import type { Bindings } from '../../core/bindings/declarations.ts'
import { assets, blob, kv, queue, secret, service, sql, variable } from '../../core/bindings/declarations.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import type { Manifest } from '../../core/manifest.ts'

function manifestOf(bindings: Bindings, more: Partial<Manifest> = {}): Manifest {
  return { version: 1, name: 'shop', bindings, fetch: true, queues: [], crons: {}, ...more }
}

function configOf(
  manifest: Manifest,
  options: Record<string, unknown> = {},
): ReturnType<typeof createWranglerConfig> {
  const drivers = Object.fromEntries(
    Object.entries(manifest.bindings).map(([name, { kind }]) => [
      name,
      { driver: kind === 'secret' ? 'env' : 'cloudflare' },
    ]),
  )
  return createWranglerConfig({
    manifest,
    drivers,
    migrated: [],
    options: checkOptions(options, manifest),
    nodeFlags: [],
  })
}

describe('wrangler.jsonc', () => {
  test('an app without bindings has none, and no flag but the one for request.signal', () => {
    expect(configOf(manifestOf({}))).toEqual({
      name: 'shop',
      main: 'worker/index.js',
      no_bundle: true,
      compatibility_date: '2026-07-30',
      compatibility_flags: ['enable_request_signal'],
      observability: { enabled: true },
    })
  })

  test('ids and names come from the options', () => {
    const manifest = manifestOf(
      {
        links: kv(),
        icons: blob(),
        stats: sql(),
        jobs: queue(),
        api: service(),
        files: assets({ directory: 'x' }),
        mode: variable({ default: 'a' }),
      },
      { queues: ['jobs'] },
    )
    const config = configOf(manifest, {
      name: 'shop-eu',
      accountId: 'acc',
      compatibilityDate: '2026-01-01',
      compatibilityFlags: ['global_fetch_strictly_public'],
      kv: { links: { id: 'k1' } },
      blob: { icons: { bucket: 'icons-eu', jurisdiction: 'eu' } },
      sql: { stats: { id: 'd1', name: 'stats-db' } },
      queue: { jobs: { name: 'q1' } },
      service: { api: { name: 'api-eu' } },
      variables: { mode: 'b' },
      routes: [{ pattern: 'shop.example.com', custom_domain: true }],
    })
    expect(config).toMatchObject({
      name: 'shop-eu',
      account_id: 'acc',
      compatibility_date: '2026-01-01',
      compatibility_flags: ['enable_request_signal', 'global_fetch_strictly_public'],
      kv_namespaces: [{ binding: 'LINKS', id: 'k1' }],
      r2_buckets: [{ binding: 'ICONS', bucket_name: 'icons-eu', jurisdiction: 'eu' }],
      d1_databases: [{ binding: 'STATS', database_name: 'stats-db', database_id: 'd1' }],
      queues: { producers: [{ binding: 'JOBS', queue: 'q1' }], consumers: [{ queue: 'q1', max_retries: 3 }] },
      services: [{ binding: 'API', service: 'api-eu' }],
      vars: { MODE: 'b' },
      routes: [{ pattern: 'shop.example.com', custom_domain: true }],
    })
  })

  test('a binding on another driver needs nothing of the platform', () => {
    const manifest = manifestOf({ links: kv() })
    expect(
      createWranglerConfig({
        manifest,
        drivers: { links: { driver: 'memory' } },
        migrated: [],
        options: {},
        nodeFlags: [],
      }),
    ).not.toHaveProperty('kv_namespaces')
  })

  test('a variable without a value keeps what the dashboard has, and is told', () => {
    const manifest = manifestOf({ apiUrl: variable(), token: secret({ optional: true }) })
    const config = configOf(manifest)
    expect(config).toMatchObject({ keep_vars: true })
    expect(config).not.toHaveProperty('secrets')
    const text = toJsonc(config, manifest)
    expect(text).toContain('Variables without a value here')
    expect(text).toContain('API_URL')
    expect(text).toContain('Optional secrets (npx wrangler secret put NAME): TOKEN')
  })

  test('options that do not fit the app are refused by name', () => {
    const manifest = manifestOf({ links: kv() })
    expect(() => checkOptions({ kvs: {} }, manifest)).toThrow('targets.cloudflare.options.kvs is no option')
    expect(() => checkOptions({ kv: { liks: { id: 'x' } } }, manifest)).toThrow(
      'kv.liks is not a declared kv. Did you mean "links"? Declared: links.',
    )
    expect(() => checkOptions({ compatibilityDate: 'today' }, manifest)).toThrow(
      'compatibilityDate is a date',
    )
    expect(() => configOf(manifestOf({ ['b'.repeat(60)]: blob() }))).toThrow('over the 63 characters')
    for (const bucket of ['b1', 'Icons', 'my_icons', '-icons', 'icons-', 'icons.eu', 'b'.repeat(64), ''])
      expect(() => configOf(manifestOf({ icons: blob() }), { blob: { icons: { bucket } } })).toThrow(
        `targets.cloudflare.options.blob.icons.bucket is "${bucket}": it must be 3 to 63 characters`,
      )
  })
})

describe('flags for node built-ins', () => {
  test.each([
    ['export default {}', []],
    ['import{AsyncLocalStorage as e}from"node:async_hooks";', ['nodejs_als']],
    ['import e from`node:crypto`;', ['nodejs_compat']],
    ["import{a}from'node:async_hooks';const b=await import(`node:fs/promises`);", ['nodejs_compat']],
    ['const text = "node:crypto"', []],
  ])('%s', (bundle, flags) => {
    expect(nodeFlags(bundle)).toEqual(flags)
  })
})

describe('the simulator', () => {
  test('has the ids that wrangler dev gives the same file', () => {
    const manifest = manifestOf(
      { links: kv(), cold: kv(), stats: sql(), jobs: queue({ maxRetries: 5 }), me: service({ app: 'shop' }) },
      { queues: ['jobs'] },
    )
    const config = toSimulatorConfig(configOf(manifest, { kv: { links: { id: 'k1' } } }), {
      variables: {},
      assetsFolder: '/a',
    })
    expect(config).toMatchObject({
      env: {
        LINKS: { type: 'kv', id: 'k1' },
        COLD: { type: 'kv', id: 'COLD' },
        STATS: { type: 'd1', id: 'STATS' },
        JOBS: { type: 'queue', name: 'shop-jobs' },
        ME: { type: 'worker', worker: 'shop' },
      },
      triggers: [
        {
          type: 'queue',
          name: 'shop-jobs',
          maxRetries: 5,
          maxBatchSize: 10,
          maxBatchTimeout: 0,
          retryDelay: 0,
        },
      ],
    })
  })

  test('another app is reached by its URL, which is asked for by name', () => {
    const config = configOf(manifestOf({ billing: service() }))
    expect(() => toSimulatorConfig(config, { variables: {}, assetsFolder: '/a' })).toThrow('set BILLING_URL')
    const { env } = toSimulatorConfig(config, {
      variables: { BILLING_URL: 'http://127.0.0.1:1' },
      assetsFolder: '/a',
    })
    expect(env['BILLING']).toEqual({ type: 'external', address: '127.0.0.1:1', http: {} })
  })

  test('every missing variable and secret is named at once', () => {
    const manifest = manifestOf({
      apiUrl: variable(),
      token: secret(),
      spare: secret({ optional: true }),
      mode: variable({ default: 'x' }),
    })
    const drivers = { token: { driver: 'env' }, spare: { driver: 'env' } }
    expect(() => workerVariables(manifest, drivers, configOf(manifest), {})).toThrow(
      /variable "apiUrl": set API_URL.*secret "token": set TOKEN\./,
    )
    expect(workerVariables(manifest, drivers, configOf(manifest), { API_URL: 'u', TOKEN: 't' })).toEqual({
      MODE: 'x',
      API_URL: 'u',
      TOKEN: 't',
    })
  })
})

describe('the Worker', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unmoor-cf-size-'))
    await symlink(join(import.meta.dirname, '../..'), join(folder, 'unmoor'))
    await writeFile(join(folder, 'unmoor.config.ts'), "export default { name: 'small', entry: './app.ts' }")
    await writeFile(
      join(folder, 'app.ts'),
      "import { defineApp, defineBindings, kv } from 'unmoor'\nexport default defineApp({ bindings: defineBindings({ links: kv() }), fetch: async (request, env) => new Response(await env.links.get('a')) })\n",
    )
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  test('adds at most 8 KB (gzip) to an app with one kv binding', async () => {
    const { outDir } = await buildApp({ projectDir: folder, target: 'cloudflare', adapter: cloudflare })
    const worker = await readFile(join(outDir, 'worker/index.js'))
    const app = 'export default{fetch:async(e,t)=>new Response(await t.LINKS.get(`a`))};'
    expect(
      gzipSync(worker, { level: 9 }).byteLength - gzipSync(app, { level: 9 }).byteLength,
    ).toBeLessThanOrEqual(8 * 1024)
    // What the app does not declare is not there.
    expect(worker.toString()).not.toMatch(
      /R2:|D1:|Cloudflare Queues|UNMOOR_TEST_TOKEN|has no handler for cron/,
    )
  })

  test('a driver that needs Node is refused by name', async () => {
    const config = {
      name: 'small',
      entry: './app.ts',
      targets: { cloudflare: { drivers: { links: 'sqlite' } } },
    }
    await expect(
      buildApp({ projectDir: folder, target: 'cloudflare', adapter: cloudflare, config }),
    ).rejects.toMatchObject({
      code: 'Unsupported',
      message: expect.stringContaining('"sqlite" does not run on Cloudflare'),
    })
  })
})
