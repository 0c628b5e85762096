import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CommandResult, unmoor } from '../unit/cli-process.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'
import { CloudflareApi, type Fault } from './deploy/cloudflare-api.ts'
import { deployedApp, resultOf } from './deploy/deployed-app.ts'

const APP = {
  bindings: `links: kv(), token: secret(), db: sql({ migrations: 'migrations' })`,
}
const MORE = {
  bindings: `${APP.bindings}, mails: queue()`,
  more: `queues: { mails: async () => {} },`,
}

interface Described {
  serving: string | null
  steps: { phase: string; command: string }[]
  confirm: string[]
}

let api: CloudflareApi
let project: TempProject
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unmoor-deploy-'))
  api = await CloudflareApi.start(folder)
  project = await tempProject({
    'unmoor.config.ts': `import { defineConfig } from 'unmoor'
export default defineConfig({
  name: 'shop',
  targets: { cloudflare: { deploy: { watch: 1 } } },
  environments: { staging: {}, odd: { targets: { cloudflare: { deploy: { wach: 3 } } } } },
})`,
    'src/app.ts': deployedApp('code-one', APP),
    'migrations/0001_a.sql': 'CREATE TABLE a (x INTEGER PRIMARY KEY);',
    'secrets.env': 'TOKEN=abc\n',
  })
})
afterAll(async () => {
  await project[Symbol.asyncDispose]()
  await api[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

function deploy(args: string[], env: Record<string, string> = {}): Promise<CommandResult> {
  return unmoor(['deploy', '--target', 'cloudflare', '--reporter', 'json', ...args], {
    cwd: project.dir,
    env: { ...api.env, ...env },
  })
}

const build = (out: string): Promise<CommandResult> =>
  unmoor(['build', '--target', 'cloudflare', '--no-check', '--out', out], { cwd: project.dir })

const phases = ({ stdout }: CommandResult): string[] =>
  resultOf<Described>(stdout).steps.map(({ phase }) => phase)

const served = (): string | undefined => api.serving('shop', /code-\w+/)

describe('unmoor deploy --target cloudflare, by the real wrangler', () => {
  test('an expired token is named, and nothing is changed', async () => {
    const expired = await deploy(['--dry-run'], { CLOUDFLARE_API_TOKEN: 'expired' })
    expect([expired.code, expired.stderr]).toEqual([
      1,
      expect.stringContaining('the token is wrong or expired, or lacks a permission'),
    ])
    expect(api.changes).toEqual([])
  })

  test('a secret that one environment lacks, and a wrong option, are named too', async () => {
    const lacking = await deploy(['--dry-run', '--env', 'staging'])
    expect([lacking.code, lacking.stderr]).toEqual([
      1,
      expect.stringContaining('The environment "staging" lacks the secret TOKEN. Nothing was changed.'),
    ])
    const wrong = await deploy(['--dry-run', '--env', 'odd'])
    expect([wrong.code, wrong.stderr]).toEqual([
      2,
      expect.stringContaining('targets.cloudflare.deploy.wach: deploys of "cloudflare" has no such option.'),
    ])
    expect([api.changes, api.unknown]).toEqual([[], []])
  })

  test('a first deploy needs --yes, since it serves untried', async () => {
    const refused = await deploy(['--secrets', 'secrets.env'])
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('There is no Worker "shop" yet: its first version serves as soon as'),
    ])
    expect(api.changes).toEqual([])
  })

  test('a first deploy creates what is missing, and serves', async () => {
    const first = await deploy(['--secrets', 'secrets.env', '--yes'])
    expect([first.code, first.stderr]).toEqual([0, expect.anything()])
    expect(phases(first)).toEqual(['resources', 'migrations', 'switch', 'watch'])
    expect(served()).toBe('code-one')
    expect(api.namespaces.map(({ title }) => title)).toEqual(['shop-links'])
    expect([...api.workers.get('shop')!.secrets]).toEqual(['TOKEN'])
    expect(tables()).toEqual(['a'])
  })

  test('the plan of a later deploy tries the version before it has traffic', async () => {
    await project.write({
      'src/app.ts': deployedApp('code-two', APP),
      'migrations/0002_b.sql': 'ALTER TABLE a ADD COLUMN y TEXT;',
    })
    const before = api.changes.length
    const plan = await deploy(['--dry-run'])
    expect(plan.code).toBe(0)
    expect(phases(plan)).toEqual(['migrations', 'upload', 'smoke', 'switch', 'watch'])
    expect([api.changes.length, served()]).toEqual([before, 'code-one'])
  })

  test('a later deploy migrates, tries the version at its preview URL, switches and watches', async () => {
    const before = api.changes.length
    const done = await deploy([])
    expect([done.code, done.stderr]).toEqual([0, expect.anything()])
    expect(served()).toBe('code-two')
    const writes = api.changes.slice(before)
    expect(writes.indexOf('POST /workers/scripts/shop/versions')).toBeLessThan(
      writes.indexOf('POST /workers/scripts/shop/deployments'),
    )
    expect(writes).not.toContain('PUT /workers/scripts/shop')
  })

  test('a rollback brings the code back, and leaves the data', async () => {
    const back = await deploy(['--rollback'])
    expect([back.code, back.stderr]).toEqual([0, expect.anything()])
    expect(served()).toBe('code-one')
    expect(columns()).toEqual(['x', 'y'])
  })

  test('a migration that does more than expand needs --yes', async () => {
    await project.write({ 'migrations/0003_c.sql': 'ALTER TABLE a DROP COLUMN y;' })
    const before = api.changes.length
    const refused = await deploy([])
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('0003_c: ALTER TABLE a DROP COLUMN y'),
    ])
    expect([api.changes.length, columns()]).toEqual([before, ['x', 'y']])
    await rm(join(project.dir, 'migrations/0003_c.sql'))
  })

  test('new Durable Object classes need --yes, since Cloudflare has no way back from them', async () => {
    await project.write({
      'src/app.ts': deployedApp('code-objects', {
        bindings: `${APP.bindings}, seats: kv({ consistency: 'strong' })`,
      }),
    })
    const before = api.changes.length
    const refused = await deploy([])
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('The Durable Object classes change (migration "unmoor-strong-kv")'),
    ])
    expect([api.changes.length, served()]).toEqual([before, 'code-one'])
  })
})

describe('a deploy to Cloudflare in which a step fails', () => {
  const faults: [string, { fault?: Fault; broken?: CloudflareApi['broken'] }][] = [
    ['resources', { fault: { method: 'POST', path: /\/queues$/ } }],
    ['migrations', { fault: { method: 'POST', path: /\/d1\/database\/[^/]+\/query$/ } }],
    ['upload', { fault: { method: 'POST', path: /\/versions$/ } }],
    ['smoke', { broken: { text: 'code-three', only: 'preview' } }],
    ['switch', { fault: { method: 'POST', path: /\/deployments$/ } }],
    ['triggers', { fault: { method: 'POST', path: /\/queues\/[^/]+\/consumers$/ } }],
    ['watch', { broken: { text: 'code-three', only: 'live' } }],
  ]
  const dir = (): string => join(folder, 'three')

  beforeAll(async () => {
    await project.write({
      'src/app.ts': deployedApp('code-three', MORE),
      'migrations/0004_d.sql': 'CREATE TABLE d (x INTEGER PRIMARY KEY);',
    })
    const { code, stderr } = await build(dir())
    if (code !== 0) throw new Error(stderr)
  })

  test.each(faults)('%s: the old version answers, as it did before', async (phase, { fault, broken }) => {
    expect(served()).toBe('code-one')
    api.fault = fault
    api.broken = broken
    const failed = await deploy(['--dir', dir(), '--yes'])
    api.fault = undefined
    api.broken = undefined
    expect([failed.code, failed.stderr]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(`step \\d of \\d \\(${phase}: .*failed: .*(Still serving|Serving again): version `, 's'),
      ),
    ])
    expect(served()).toBe('code-one')
  })

  test('without a fault the same deploy ends with the new version', async () => {
    const done = await deploy(['--dir', dir(), '--yes'])
    expect([done.code, done.stderr]).toEqual([0, expect.anything()])
    expect(served()).toBe('code-three')
    expect([tables(), [...api.queues.keys()]]).toEqual([['a', 'd'], ['shop-mails']])
    expect(api.unknown).toEqual([])
  })
})

function query(text: string): string[] {
  const [database] = api.databases.values()
  return (database?.sql.prepare(text).all() ?? []).map(({ name }) => String(name))
}

const tables = (): string[] =>
  query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").filter(
    (name) => !/^(d1|sqlite)_/.test(name),
  )

const columns = (): string[] => query("SELECT name FROM pragma_table_info('a')")
