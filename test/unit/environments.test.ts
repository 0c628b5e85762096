/** Environments of a config: how they merge, what they refuse, and that no two of them share anything. */
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { AnyConfig } from '../../core/config.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'
import { checkConfig, checkTargetNames } from '../../core/tools/build/config-check.ts'
import { chooseEnvironment } from '../../core/tools/build/environments.ts'
import { loadConfig } from '../../core/tools/build/project.ts'
import { checkVariables, collectVariables, readEnvFiles } from '../../core/tools/build/variables.ts'
import { tempProject, type TempProject } from './temp-project.ts'

const SILENT = { info() {}, warn() {} }

describe('the merge of an environment', () => {
  const config: AnyConfig = {
    name: 'links',
    variables: { region: 'eu', level: 'info' },
    drivers: { links: 'redis', clicks: 'memory', files: 's3' },
    targets: {
      node: { drivers: { links: 'sqlite', files: 'fs' }, options: { stopTimeout: 60 }, minify: false },
      lambda: { options: { timeout: 10 } },
    },
    environments: {
      staging: {
        variables: { region: 'us' },
        drivers: { links: { driver: 'postgres' } },
        targets: { node: { options: { stopTimeout: 1 }, requestLog: 'json' } },
      },
      live: {},
    },
  }

  test('replaces each key that the environment has, and keeps the others', () => {
    expect(chooseEnvironment(config, 'staging', 'f')).toEqual({
      name: 'links',
      variables: { region: 'us', level: 'info' },
      drivers: { links: { driver: 'postgres' }, clicks: 'memory', files: 's3' },
      targets: {
        // The environment's driver for all targets replaces the shared one of a single target.
        node: {
          drivers: { files: 'fs' },
          options: { stopTimeout: 60 },
          minify: false,
          requestLog: 'json',
        },
        lambda: { drivers: {}, options: { timeout: 10 } },
      },
      environments: { staging: config.environments?.['staging'] },
    })
  })

  test('leaves no environment in the config of none, and merging twice changes nothing', () => {
    expect(chooseEnvironment(config, undefined, 'f')).not.toHaveProperty('environments')
    const once = chooseEnvironment(config, 'staging', 'f')
    expect(chooseEnvironment(once, 'staging', 'f')).toEqual(once)
  })

  test('refuses an unknown environment with the list and the nearest name', () => {
    expect(() => chooseEnvironment(config, 'stagin', 'unmoor.config.ts')).toThrow(
      'unmoor.config.ts: there is no environment "stagin". Did you mean "staging"? Environments: staging, live.',
    )
    expect(() => chooseEnvironment({}, 'staging', 'unmoor.config.ts')).toThrow(
      'The config has none. Add: environments: { staging: {} }',
    )
    expect(() => chooseEnvironment(config, 'constructor', 'f')).toThrow('no environment "constructor"')
  })
})

describe('a wrong environment is refused before anything else:', () => {
  test.each<[unknown, RegExp]>([
    [[], /environments must be an object/],
    [{ staging: 3 }, /environments\.staging must be an object/],
    [{ local: {} }, /environments\.local is no name, since \.env\.local has the variables of one machine/],
    [{ Staging: {} }, /environments\.Staging is no name: lower-case/],
    [{ 'a-': {} }, /environments\.a- is no name/],
    [
      { s: { variabels: {} } },
      /"environments\.s\.variabels" is no key of an environment\. Did you mean "variables"\?/,
    ],
    [{ s: { variables: { a: 1 } } }, /environments\.s\.variables\.a must be a text; it is 1/],
    [{ s: { drivers: { a: 1 } } }, /environments\.s\.drivers\.a must be a driver's name/],
    [
      { s: { targets: { node: { option: {} } } } },
      /"environments\.s\.targets\.node\.option" is no key.*"options"/,
    ],
    [
      { s: { targets: { nod: {} } } },
      /environments\.s\.targets\.nod: there is no such target\. Did you mean "node"\?/,
    ],
  ])('%j', (environments, message) => {
    expect(() => {
      const config = checkConfig({ environments }, 'unmoor.config.ts')
      checkTargetNames(config, 'unmoor.config.ts')
    }).toThrow(
      expect.objectContaining({
        code: 'InvalidArgument',
        operation: 'config',
        message: expect.stringMatching(message),
      }),
    )
  })
})

const APP = `
import { blob, defineApp, defineBindings, kv, queue, secret, service, sockets, sql, variable } from 'unmoor'
export default defineApp({
  bindings: defineBindings({
    links: kv(), files: blob(), db: sql(), clicks: queue(), failed: queue(),
    auth: service(), self: service({ app: 'shop' }), token: secret(), region: variable({ default: 'eu' }),
    chat: sockets({ path: '/chat', origins: ['https://example.com'] }),
  }),
  queues: { clicks: async () => {} },
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    if (pathname === '/self') return env.self.fetch('http://self/region')
    if (pathname === '/region') return new Response(env.region)
    if (request.method === 'PUT') {
      await env.links.put('a', 'b')
      await env.files.put('a', 'b')
      await env.db.run({ text: 'CREATE TABLE made (x INTEGER)', values: [] })
    }
    const tables = await env.db.all({ text: "SELECT name FROM sqlite_schema WHERE name = 'made'", values: [] })
    return Response.json([await env.links.get('a'), (await env.files.head('a')) !== null, tables.length])
  },
})
`
const CONFIG: AnyConfig = {
  name: 'shop',
  entry: 'src/app.ts',
  environments: { staging: { variables: { region: 'us' } }, live: {} },
}

describe('environments of one app', () => {
  let project: TempProject
  beforeAll(async () => {
    project = await tempProject({ 'src/app.ts': APP })
  })
  afterAll(() => project[Symbol.asyncDispose]())

  const build = (target: string, environment?: string, config: AnyConfig = CONFIG): Promise<BuiltApp> =>
    buildApp({ projectDir: project.dir, target, environment, config, log: SILENT })

  /** Builds for no environment and for both, and returns what `names` finds in each artifact. */
  async function namesOf(
    target: string,
    names: (dir: string) => Promise<string[]>,
    config = CONFIG,
  ): Promise<string[][]> {
    const all: string[][] = []
    for (const environment of [undefined, 'staging', 'live'])
      all.push(await names((await build(target, environment, config)).outDir))
    return all
  }

  function expectNothingShared([none = [], staging = [], live = []]: string[][]): void {
    expect(none.length).toBeGreaterThan(0)
    const all = [...none, ...staging, ...live]
    expect(new Set(all).size).toBe(all.length)
  }

  test('have no name in common in wrangler.jsonc: Worker, buckets, databases, queues, services', async () => {
    const read = async (dir: string): Promise<Record<string, unknown>> =>
      JSON.parse((await readFile(join(dir, 'wrangler.jsonc'), 'utf8')).replace(/^\/\/.*$/gm, '')) as Record<
        string,
        unknown
      >
    const config: AnyConfig = {
      ...CONFIG,
      targets: {
        cloudflare: {
          options: {
            name: 'shop-worker',
            kv: { links: { id: '0f2ac74b498b48028cb68387c421e279' } },
            blob: { files: { bucket: 'shop-files-of-2024' } },
            service: { auth: { name: 'auth-worker' } },
            routes: ['shop.example.com/*'],
            wrangler: { placement: { mode: 'smart' } },
          },
        },
      },
    }
    const found = await namesOf(
      'cloudflare',
      async (dir) =>
        JSON.stringify(await read(dir), null, 1)
          .match(/"[^"]*(?:shop|auth|0f2ac7)[^"]*"/g)
          ?.filter((text, at, all) => all.indexOf(text) === at) ?? [],
      config,
    )
    expectNothingShared(found)
    const staging = await read((await build('cloudflare', 'staging', config)).outDir)
    expect(staging).toMatchObject({
      name: 'shop-worker-staging',
      kv_namespaces: [{ binding: 'LINKS' }],
      r2_buckets: [{ bucket_name: 'shop-staging-files' }],
      d1_databases: [{ database_name: 'shop-staging-db' }],
      queues: { producers: [{ queue: 'shop-staging-clicks' }, { queue: 'shop-staging-failed' }] },
      services: [
        { binding: 'AUTH', service: 'auth-worker-staging' },
        { binding: 'SELF', service: 'shop-worker-staging' },
      ],
      vars: { REGION: 'us' },
      placement: { mode: 'smart' },
    })
    expect(staging).not.toHaveProperty('routes')
    expect(JSON.stringify(staging['kv_namespaces'])).not.toContain('id')
  })

  test('of the older form on Cloudflare bind the Workers of the same environment', async () => {
    const config: AnyConfig = {
      name: 'shop',
      targets: { cloudflare: { options: { environments: { staging: {} } } } },
    }
    const { outDir } = await build('cloudflare', undefined, config)
    const text = await readFile(join(outDir, 'wrangler.jsonc'), 'utf8')
    expect(JSON.parse(text.replace(/^\/\/.*$/gm, ''))).toMatchObject({
      services: [{ service: 'auth' }, { service: 'shop' }],
      env: { staging: { services: [{ service: 'auth-staging' }, { service: 'shop-staging' }] } },
    })
    await expect(
      build('cloudflare', 'staging', { ...config, environments: { staging: {} } }),
    ).rejects.toThrow(
      /older form.*Move the options of "staging" to environments\.staging\.targets\.cloudflare\.options/,
    )
  })

  test('on Cloudflare do not inherit resources that only wrangler.jsonc names', async () => {
    const wrangler = { vectorize: [{ binding: 'INDEX', index_name: 'texts' }] }
    await expect(
      build('cloudflare', 'staging', { ...CONFIG, targets: { cloudflare: { options: { wrangler } } } }),
    ).rejects.toThrow(
      /options\.wrangler\.vectorize names resources, which the environment "staging" would share/,
    )
  })

  test('have no name in common in the templates of Lambda: stack, function, APIs, prefixes', async () => {
    const config: AnyConfig = {
      ...CONFIG,
      targets: {
        lambda: { options: { package: 'zip', event: 'v1', variables: { UNMOOR_TABLE: 'shop-table' } } },
      },
    }
    const found = await namesOf(
      'lambda',
      async (dir) => {
        const files = (await readdir(dir)).filter((name) => /\.(?:yaml|lambda)$|^lambda\.json$/.test(name))
        const text = (await Promise.all(files.map((name) => readFile(join(dir, name), 'utf8')))).join('\n')
        return [
          ...new Set([
            ...files.filter((name) => name.includes('shop')),
            ...(text.match(/[\w./-]*\bshop\b[\w./-]*/g) ?? []),
          ]),
        ]
      },
      config,
    )
    expectNothingShared(found)
    const dir = (await build('lambda', 'staging', config)).outDir
    const template = await readFile(join(dir, 'template.yaml'), 'utf8')
    const plain = await readFile(join(dir, 'cloudformation.yaml'), 'utf8')
    for (const text of [template, plain]) {
      expect(text).toContain('--stack-name shop-staging ')
      expect(text).toContain('Name: shop-staging-chat')
      expect(text).toContain('shop-staging/links/')
      expect(text).toContain('auth-staging')
      // CloudFormation names all that has no name here after the stack.
      expect(text).not.toMatch(/\b(?:FunctionName|TableName|BucketName|QueueName): [a-z]/)
    }
    expect(plain).toMatch(
      /Type: AWS::ApiGateway::RestApi\n +Properties:\n +Name:\n +Ref: "?AWS::StackName"?$/m,
    )
    expect(await readFile(join(dir, 'shop-staging.lambda'), 'utf8')).toMatch(/FunctionName: shop-staging$/m)
  })

  test.each(['node', 'isolate'])('on %s keep their data apart, even in one data folder', async (target) => {
    const config: AnyConfig = { ...CONFIG, drivers: { auth: { driver: 'http', url: 'http://localhost' } } }
    const dataDir = join(project.dir, 'data', target)
    const found: unknown[] = []
    for (const environment of [undefined, 'staging', 'live']) {
      const { adapter, info, outDir } = await build(target, environment, config)
      const runtime = await adapter.start({
        dir: outDir,
        info,
        dataDir,
        port: 0,
        variables: { TOKEN: 'x' },
        log: SILENT,
      })
      try {
        const before = await (await fetch(runtime.url)).json()
        const after = await (await fetch(runtime.url, { method: 'PUT' })).json()
        found.push([before, after, await (await fetch(`${runtime.url}/self`)).text()])
      } finally {
        await runtime.stop()
      }
    }
    const fresh = [
      [null, false, 0],
      ['b', true, 1],
    ]
    expect(found).toEqual([
      [...fresh, 'eu'],
      [...fresh, 'us'],
      [...fresh, 'eu'],
    ])
    expect((await readdir(dataDir)).filter((name) => name.startsWith('shop')).sort()).toEqual([
      'shop',
      'shop-live',
      'shop-staging',
    ])
    expect(
      (await readdir(join(project.dir, '.unmoor'))).filter((name) => name.startsWith(target)).sort(),
    ).toEqual([target, `${target}.live`, `${target}.staging`])
  })

  test.each<[string, AnyConfig, RegExp]>([
    [
      'a driver that leads to the data of all environments',
      { drivers: { db: { driver: 'sqlite', path: '/srv/shop.sqlite' } } },
      /unmoor\.config\.ts: drivers\.db: with "path" the driver "sqlite" has the same data in the environment "staging".*Set environments\.staging\.drivers\.db/,
    ],
    [
      'a variable that the app does not declare',
      { environments: { staging: { variables: { regoin: 'us' } } } },
      /environments\.staging\.variables\.regoin: the app declares no variable "regoin"\. Did you mean "region"\? Declared: region/,
    ],
    [
      'a secret among the variables',
      { environments: { staging: { variables: { token: 'x' } } } },
      /environments\.staging\.variables\.token: "token" is a secret, which is no part of a config\. Set TOKEN/,
    ],
    [
      'a driver of a binding that the app does not declare',
      { environments: { staging: { targets: { node: { drivers: { lnks: 'memory' } } } } } },
      /environments\.staging\.targets\.node\.drivers\.lnks: the app declares no binding "lnks"\. Did you mean "links"\?/,
    ],
    [
      'a name that is too long with the environment',
      { name: 'a'.repeat(60), environments: { staging: {} } },
      /in the environment "staging" the app is "a+-staging", which is over 63 characters/,
    ],
  ])('refuse %s', async (_title, config, message) => {
    await expect(build('node', 'staging', { ...CONFIG, ...config })).rejects.toThrow(
      expect.objectContaining({ code: 'InvalidArgument', message: expect.stringMatching(message) }),
    )
  })
})

test('two bindings whose resources have one name in two environments are refused by name', async () => {
  await using project = await tempProject({
    'src/app.ts': `import { defineApp, defineBindings, kv } from 'unmoor'
export default defineApp({ bindings: defineBindings({ links: kv(), stagingLinks: kv() }), fetch: () => new Response() })`,
  })
  const config: AnyConfig = { name: 'shop', environments: { staging: {} } }
  await expect(buildApp({ projectDir: project.dir, target: 'node', config, log: SILENT })).rejects.toThrow(
    'the binding "stagingLinks" in no environment and "links" in the environment "staging" would have the same ' +
      'resource APP-staging-links',
  )
})

test('env files: each goes before the ones above it, and a named file takes the place of all', async () => {
  await using project = await tempProject({
    '.env': 'A=1\nB=1\nC=1\nD=1',
    '.env.local': 'B=2\nC=2\nD=2',
    '.env.staging': 'C=3\nD=3',
    '.env.staging.local': 'D=4',
    'other.env': 'E=5',
  })
  expect(await readEnvFiles(project.dir, { environment: 'staging' })).toEqual({
    variables: { A: '1', B: '2', C: '3', D: '4' },
    files: ['.env', '.env.local', '.env.staging', '.env.staging.local'],
    own: new Set(['C', 'D']),
  })
  expect((await readEnvFiles(project.dir, {})).variables).toEqual({ A: '1', B: '2', C: '2', D: '2' })
  expect((await readEnvFiles(project.dir, { named: 'other.env', environment: 'staging' })).variables).toEqual(
    {
      E: '5',
    },
  )
})

test('a start in an environment warns of data that it has by a variable of all environments', async () => {
  await using project = await tempProject({
    'src/app.ts': `import { blob, defineApp, defineBindings, kv, sql } from 'unmoor'
export default defineApp({ bindings: defineBindings({ db: sql(), files: blob(), links: kv() }), fetch: () => new Response() })`,
  })
  const config: AnyConfig = {
    name: 'shop',
    environments: { staging: {} },
    drivers: { db: 'postgres', files: { driver: 'fs', path: { env: 'SHOP_FILES' } }, links: 'postgres' },
  }
  const build = (environment?: string): Promise<BuiltApp> =>
    buildApp({ projectDir: project.dir, target: 'node', environment, config, log: SILENT })
  const variables = { DATABASE_URL: 'postgres://localhost/shop', SHOP_FILES: '/srv' }
  const warnings = ({ info }: BuiltApp, own: string[] = []): string[] => {
    const told: string[] = []
    checkVariables(
      info,
      { variables, files: ['.env'], own: new Set(own) },
      { starts: true, warn: (text) => told.push(text) },
    )
    return told
  }
  const staging = await build('staging')
  expect(warnings(staging)).toEqual([
    'The environment "staging" has DATABASE_URL (db), SHOP_FILES (files) of .env or .env.local, by which every ' +
      'environment has the same data. Set it in .env.staging.',
  ])
  expect(warnings(staging, ['DATABASE_URL', 'SHOP_FILES'])).toEqual([])
  expect(warnings(await build())).toEqual([])
})

test('a Worker of the config takes the environment of its wrangler file, and the config merges one of that name', async () => {
  await using project = await tempProject({
    'wrangler.json': JSON.stringify({
      name: 'shop',
      main: 'worker.js',
      compatibility_date: '2026-01-01',
      env: { staging: {}, live: {} },
    }),
    'worker.js': 'export default { fetch: () => new Response() }\n',
  })
  const config: AnyConfig = {
    worker: './wrangler.json',
    environments: { staging: { targets: { node: { options: { stopTimeout: 1 } } } } },
  }
  const load = (environment: string): ReturnType<typeof loadConfig> =>
    loadConfig(project.dir, { given: config, environment })
  expect(await load('staging')).toMatchObject({ name: 'shop-staging', environment: undefined })
  expect(await load('live')).toMatchObject({ name: 'shop-live' })
  await expect(load('other')).rejects.toThrow(/no environment "other"\. Environments: staging, live/)
  const { info } = await buildApp({
    projectDir: project.dir,
    target: 'node',
    environment: 'staging',
    config,
    log: SILENT,
  })
  expect(info.options).toEqual({ stopTimeout: 1 })
  expect(collectVariables(info, {}, {})).toEqual({})
})
