import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Ajv } from 'ajv'
import { parse } from 'jsonc-parser'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { LocalRuntime } from '../../core/adapter.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import { buildForDeployment } from '../../core/tools/conformance/index.ts'
import { admin, postgresAnswers, URL_OF_SERVER } from '../drivers/postgres-server.ts'
import { checkout, tempProject, type TempProject } from '../unit/temp-project.ts'

const LOG = { info() {}, warn() {} }
const EVERYTHING = `import { assets, blob, cache, defineApp, defineBindings, kv, queue, secret, service, sockets, sql, variable } from 'unmoor'
const bindings = defineBindings({
  links: kv(), counts: kv({ consistency: 'strong' }), icons: blob(), stats: sql({ migrations: './migrations' }), clicks: queue({ deadLetterQueue: 'lost' }), lost: queue(),
  pages: cache(), token: secret(), region: variable({ default: 'eu' }), billing: service(), site: assets({ directory: './public' }), chat: sockets({ path: '/chat' }),
})
export default defineApp({ bindings, fetch: () => new Response('ok'), queues: { clicks: () => {} }, crons: { nightly: { schedule: '0 3 * * *', run: () => {} } } })
`
const CONFIG = `export default { name: 'everything', targets: { cloudflare: { options: {
  accountId: '0123456789abcdef0123456789abcdef',
  kv: { links: { id: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' } },
  wrangler: { placement: { mode: 'smart' }, limits: { cpu_ms: 100 } },
  environments: { staging: { variables: { region: 'us' }, kv: { links: { id: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' } } } },
} } } }
`

let scratch: string
let project: TempProject
beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'unmoor-wrangler-'))
  project = await tempProject({
    'unmoor.config.ts': CONFIG,
    'src/app.ts': EVERYTHING,
    'public/index.html': '<p>hi</p>',
    'migrations/0001_a.sql': 'CREATE TABLE a (id TEXT PRIMARY KEY);',
  })
})
afterAll(async () => {
  await project[Symbol.asyncDispose]()
  await rm(scratch, { recursive: true, force: true })
})

/** Builds for Cloudflare; returns the folder. */
async function build(projectDir: string, name: string): Promise<string> {
  const { outDir } = await buildApp({ projectDir, target: 'cloudflare', outDir: join(scratch, name) })
  return outDir
}

async function dryRun(dir: string, ...args: string[]): Promise<string> {
  await symlink(join(checkout, 'node_modules'), join(dir, 'node_modules')).catch(() => {})
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [join(checkout, 'node_modules/wrangler/bin/wrangler.js'), 'deploy', '--dry-run', ...args],
    {
      cwd: dir,
      env: {
        ...process.env,
        WRANGLER_SEND_METRICS: 'false',
        CI: 'true',
        NO_COLOR: '1',
        WRANGLER_LOG_PATH: join(scratch, 'logs'),
      },
    },
  )
  return stdout + stderr
}

/** `wrangler dev` with that configuration, its state in `persist`. */
async function startDev(
  config: string,
  persist: string,
): Promise<{ url: string; stop: () => Promise<void> }> {
  const child = spawn(
    process.execPath,
    [
      '--no-warnings',
      join(checkout, 'node_modules/wrangler/wrangler-dist/cli.js'),
      'dev',
      '--config',
      config,
      '--persist-to',
      persist,
      '--ip',
      '127.0.0.1',
      '--port',
      '0',
      '--inspector-port',
      '0',
    ],
    {
      cwd: scratch,
      env: {
        ...process.env,
        WRANGLER_SEND_METRICS: 'false',
        CI: 'true',
        NO_COLOR: '1',
        WRANGLER_LOG_PATH: join(scratch, 'logs'),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let output = ''
  const onData = (data: Buffer): void => {
    output += data.toString()
    const url = /Ready on (http:\/\/\S+)/.exec(output)?.[1]
    if (url !== undefined) resolve(url)
  }
  child.stdout.on('data', onData)
  child.stderr.on('data', onData)
  void ended.then(() => reject(new Error(`wrangler dev ended: ${output}`)))
  return {
    url: await promise,
    async stop() {
      child.kill('SIGTERM')
      await ended
    },
  }
}

describe('wrangler.jsonc', () => {
  it("holds wrangler's own schema, environments included", async () => {
    const schema = JSON.parse(
      await readFile(join(checkout, 'node_modules/wrangler/config-schema.json'), 'utf8'),
    ) as object
    const validate = new Ajv({ strict: false, allErrors: true }).compile(schema)
    for (const [name, dir] of [
      ['everything', project.dir],
      ['links', join(checkout, 'examples/links')],
    ] as const) {
      const config: unknown = parse(
        await readFile(join(await build(dir, `schema-${name}`), 'wrangler.jsonc'), 'utf8'),
      )
      validate(config)
      expect(validate.errors ?? []).toEqual([])
    }
  })

  it('an environment has every binding, with resources of its own', async () => {
    const text = await readFile(join(await build(project.dir, 'environments'), 'wrangler.jsonc'), 'utf8')
    const { env, placement, ...config } = parse(text) as {
      env: { staging: unknown }
      placement: unknown
      vars: unknown
    }
    expect(placement).toEqual({ mode: 'smart' })
    expect(env.staging).toMatchObject({
      name: 'everything-staging',
      kv_namespaces: [{ binding: 'LINKS', id: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb' }],
      r2_buckets: [{ binding: 'ICONS', bucket_name: 'everything-staging-icons' }],
      queues: {
        consumers: [{ queue: 'everything-staging-clicks', dead_letter_queue: 'everything-staging-lost' }],
      },
      vars: { REGION: 'us' },
      triggers: { crons: ['0 3 * * *'] },
    })
    expect(config).toMatchObject({
      kv_namespaces: [{ id: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' }],
      vars: { REGION: 'eu' },
    })
  })

  it('further fields may not be those of the build', async () => {
    await expect(
      buildApp({
        projectDir: project.dir,
        target: 'cloudflare',
        outDir: join(scratch, 'refused'),
        config: { name: 'x', targets: { cloudflare: { options: { wrangler: { main: 'x' } } } } },
      }),
    ).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('the build writes "main" itself'),
    })
  })
})

describe('wrangler deploy --dry-run', () => {
  it.each([
    ['an app with everything', () => build(project.dir, 'dry-everything'), []],
    ['its environment', () => build(project.dir, 'dry-staging'), ['--env', 'staging']],
    ['examples/links', () => build(join(checkout, 'examples/links'), 'dry-links'), []],
    [
      'the fixture app',
      async () => (
        await buildForDeployment('cloudflare', join(scratch, 'dry-fixture'), LOG),
        join(scratch, 'dry-fixture')
      ),
      [],
    ],
  ] as [string, () => Promise<string>, string[]][])(
    '%s: accepted without a warning',
    async (_name, folder, args) => {
      const output = await dryRun(await folder(), ...args)
      expect(output).toContain('--dry-run: exiting now.')
      // An app with environments is deployed to the one that is named; wrangler says so where none is.
      const warnings = output
        .split('\n')
        .filter((line) => /warning|error/i.test(line) && !/multiple environments/i.test(line))
      expect(warnings).toEqual([])
    },
  )
})

describe('the platform itself', () => {
  it('env.NAME.native is its own binding, on Cloudflare; elsewhere there is none', async () => {
    await using app = await tempProject({
      'src/app.ts': `import { blob, defineApp, defineBindings, kv, queue, sql } from 'unmoor'
const bindings = defineBindings({ links: kv(), icons: blob(), stats: sql(), jobs: queue() })
export default defineApp({ bindings, async fetch(_request, env) {
  if (env.links.native === undefined) return Response.json([env.links, env.icons, env.stats, env.jobs].map(({ native }) => native === undefined))
  await env.links.native.put('k', 'v', { metadata: { a: 1 } })
  const row = await env.stats.native.prepare('SELECT 1 AS one').first()
  return Response.json([(await env.links.native.getWithMetadata('k')).metadata, (await env.icons.native.head('x')), row, typeof env.jobs.native.send, await env.links.get('k')])
} })
`,
    })
    const answer = async (target: string): Promise<unknown> => {
      const { adapter, info, outDir } = await buildApp({ projectDir: app.dir, target })
      const running = await adapter.start({
        dir: outDir,
        info,
        dataDir: join(scratch, `native-${target}`),
        port: 0,
        variables: {},
        log: LOG,
      })
      try {
        return await (await fetch(running.url)).json()
      } finally {
        await running.stop()
      }
    }
    expect(await answer('cloudflare')).toEqual([{ a: 1 }, null, { one: 1 }, 'function', 'v'])
    expect(await answer('node')).toEqual([true, true, true, true])
  })

  // Queues have no state between runs: miniflare keeps messages in memory.
  it('local state is what wrangler dev has: each reads what the other wrote, of KV, R2, D1 and its migrations', async () => {
    await using app = await tempProject({
      'unmoor.config.ts': `export default { name: 'state' }`,
      'migrations/0001_a.sql': 'CREATE TABLE a (text TEXT);',
      'src/app.ts': `import { blob, defineApp, defineBindings, kv, sql } from 'unmoor'
const bindings = defineBindings({ links: kv(), icons: blob(), stats: sql({ migrations: './migrations' }) })
export default defineApp({ bindings, async fetch(request, env) {
  if (request.method === 'POST') {
    await env.links.put('k', 'ours')
    await env.icons.put('o', 'ours')
    await env.stats.run("INSERT INTO a VALUES ('ours')")
  }
  return Response.json([await env.links.get('k'), await (await env.icons.get('o'))?.text(), await env.stats.all('SELECT text FROM a')])
} })
`,
    })
    const { adapter, info, outDir } = await buildApp({ projectDir: app.dir, target: 'cloudflare' })
    const dataDir = join(scratch, 'state-data')
    const ask = async (method: string): Promise<unknown> => {
      const running = await adapter.start({ dir: outDir, info, dataDir, port: 0, variables: {}, log: LOG })
      try {
        return await (await fetch(running.url, { method })).json()
      } finally {
        await running.stop()
      }
    }
    expect(await ask('POST')).toEqual(['ours', 'ours', [{ text: 'ours' }]])
    const worker = `export default { async fetch(request, env) {
      const found = [await env.LINKS.get('k'), await (await env.ICONS.get('o')).text(), (await env.STATS.prepare('SELECT text FROM a').all()).results]
      await env.LINKS.put('k', 'theirs')
      await env.ICONS.put('o', 'theirs')
      await env.STATS.prepare("UPDATE a SET text = 'theirs'").run()
      return Response.json(found)
    } }`
    // In a folder of its own: wrangler watches what lies around the module, and the state changes all the
    // time.
    const devDir = join(scratch, 'state-dev')
    await mkdir(devDir)
    await writeFile(join(devDir, 'worker.js'), worker)
    const wrangler = parse(await readFile(join(outDir, 'wrangler.jsonc'), 'utf8')) as object
    const { main: _main, assets: _assets, ...config } = wrangler as Record<string, unknown>
    await writeFile(join(devDir, 'wrangler.json'), JSON.stringify({ ...config, main: 'worker.js' }))
    const dev = await startDev(join(devDir, 'wrangler.json'), dataDir)
    try {
      expect(await (await fetch(dev.url)).json()).toEqual(['ours', 'ours', [{ text: 'ours' }]])
    } finally {
      await dev.stop()
    }
    expect(await ask('GET')).toEqual(['theirs', 'theirs', [{ text: 'theirs' }]])
  })
})

describe('a Postgres database through Hyperdrive', async () => {
  const answers = await postgresAnswers('sql on Cloudflare through Hyperdrive')
  const schema = `unmoor_test_${randomUUID().replaceAll('-', '')}`
  const config = (id?: string): string =>
    `export default { name: 'hyper', targets: { cloudflare: { drivers: { db: { driver: 'postgres', url: { env: 'DATABASE_URL' }, schema: '${schema}' } }${id === undefined ? '' : `, options: { hyperdrive: { db: { id: '${id}' } } }`} } } }`
  let app: TempProject
  let running: LocalRuntime | undefined
  beforeAll(async () => {
    app = await tempProject({
      'unmoor.config.ts': config('cccccccccccccccccccccccccccccccc'),
      'migrations/0001_a.sql': 'CREATE TABLE a (id TEXT PRIMARY KEY, n BIGINT NOT NULL);',
      'src/app.ts': `import { defineApp, defineBindings, isUnmoorError, sql } from 'unmoor'
const bindings = defineBindings({ db: sql({ migrations: './migrations' }) })
export default defineApp({ bindings, async fetch(request, env) {
  const id = new URL(request.url).pathname
  try {
    await env.db.batch([sql\`INSERT INTO a (id, n) VALUES (\${id}, 1)\`, sql\`UPDATE a SET n = n + 1 WHERE id = \${id}\`])
  } catch (error) {
    return Response.json({ code: isUnmoorError(error) ? error.code : String(error) })
  }
  return Response.json({ dialect: env.db.dialect, row: await env.db.first(sql\`SELECT id, n FROM a WHERE id = \${id}\`) })
} })
`,
    })
    await symlink(join(checkout, 'node_modules/postgres'), join(app.dir, 'node_modules/postgres'))
  })
  afterAll(async () => {
    await running?.stop()
    await app[Symbol.asyncDispose]()
    if (answers) await admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
  })

  it('is a hyperdrive binding of wrangler.jsonc; without an id the build says what to do', async () => {
    const dir = await build(app.dir, 'hyper')
    expect(parse(await readFile(join(dir, 'wrangler.jsonc'), 'utf8'))).toMatchObject({
      hyperdrive: [{ binding: 'DB', id: 'cccccccccccccccccccccccccccccccc' }],
    })
    expect(await dryRun(dir)).toContain('--dry-run: exiting now.')
    await writeFile(join(app.dir, 'unmoor.config.ts'), config())
    const warnings: string[] = []
    await buildApp({
      projectDir: app.dir,
      target: 'cloudflare',
      outDir: join(scratch, 'hyper-no-id'),
      log: { info() {}, warn: (message) => void warnings.push(message) },
    })
    expect(warnings.join()).toContain('wrangler hyperdrive create')
    await writeFile(join(app.dir, 'unmoor.config.ts'), config('cccccccccccccccccccccccccccccccc'))
  })

  it.skipIf(!answers)(
    'runs in workerd: migrations, a batch in one transaction, errors with codes, requests at once',
    async () => {
      const { adapter, info, outDir } = await buildApp({
        projectDir: app.dir,
        target: 'cloudflare',
        outDir: join(scratch, 'hyper-run'),
      })
      running = await adapter.start({
        dir: outDir,
        info,
        dataDir: join(scratch, 'hyper-data'),
        port: 0,
        variables: { DATABASE_URL: URL_OF_SERVER },
        log: LOG,
      })
      const ask = async (path: string): Promise<unknown> => (await fetch(new URL(path, running?.url))).json()
      expect(await ask('/one')).toEqual({ dialect: 'postgres', row: { id: '/one', n: 2 } })
      expect(await ask('/one')).toEqual({ code: 'AlreadyExists' })
      const many = await Promise.all(Array.from({ length: 10 }, (_, index) => ask(`/many-${index}`)))
      expect(many).toEqual(
        many.map((_, index) => ({ dialect: 'postgres', row: { id: `/many-${index}`, n: 2 } })),
      )
    },
  )
})
