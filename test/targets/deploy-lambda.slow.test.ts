import { randomUUID } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'postgres'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startPostgres } from '../../adapters/lambda/local/services/postgres.ts'
import type { Server } from '../../adapters/lambda/local/services/server.ts'
import { type CommandResult, unmoor } from '../unit/cli-process.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'
import { resultOf } from './deploy/deployed-app.ts'
import { ImageRegistry, missingPrograms } from './deploy/image-registry.ts'
import { appOf, at, type Row, WRONG } from './deploy/lambda-cases.ts'
import { ACCOUNT, hasMoto, LambdaCloud, REGION } from './deploy/lambda-cloud.ts'

const HOST = `${ACCOUNT}.dkr.ecr.${REGION}.amazonaws.com`
const missing = [...missingPrograms(), ...(hasMoto() ? [] : ['moto (pip install "moto[server]")'])]
if (missing.length > 0)
  console.warn(`skipped: "unmoor deploy --target lambda". Missing: ${missing.join(', ')}`)

interface Described {
  serving: string | null
  served?: string
  steps: { phase: string; title: string; command: string }[]
  confirm: string[]
}

describe.skipIf(missing.length > 0)('unmoor deploy --target lambda, on moto and a real registry', () => {
  let folder: string
  let registry: ImageRegistry
  let cloud: LambdaCloud
  let postgres: Server
  let project: TempProject
  const dockerHost = process.env['DOCKER_HOST']

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unmoor-ecr-'))
    registry = await ImageRegistry.start(folder, HOST)
    process.env['DOCKER_HOST'] = registry.env['DOCKER_HOST']
    cloud = await LambdaCloud.start()
    registry.password = `${ACCOUNT}-auth-token`
    postgres = await startPostgres({ app: `deploy-${randomUUID()}`, dataDir: undefined, server: 'probe' })
    project = await tempProject({
      'unmoor.config.ts': `import { defineConfig } from 'unmoor'
const deploy = { url: '${cloud.url}', watch: 1, region: '${REGION}' }
const lambda = (more) => ({ targets: { lambda: { deploy: more } } })
export default defineConfig({
  name: 'shop',
  targets: { lambda: { deploy } },
  environments: {
    staging: {},
    elsewhere: lambda({ repository: '${ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/shop' }),
    foreign: lambda({ repository: '999999999999.dkr.ecr.${REGION}.amazonaws.com/shop' }),
    tagged: lambda({ repository: '${HOST}/shop:latest' }),
    typo: lambda({ parameters: { MemroySize: '1024' } }),
    arm: lambda({ parameters: { Architecture: 'other' } }),
    adopted: lambda({
      stack: 'byhand',
      url: deploy.url,
      parameters: { TokenSecret: 'shop/token', DatabaseUrlSecret: 'shop/DATABASE_URL' },
    }),
  },
})`,
      'src/app.ts': appOf('code-one'),
      'migrations/0001_a.sql': 'CREATE TABLE a (x INTEGER PRIMARY KEY);',
      'secrets.env': `TOKEN=abc\nDATABASE_URL=${postgres.url}\n`,
    })
  })
  afterAll(async () => {
    await project?.[Symbol.asyncDispose]()
    await cloud?.[Symbol.asyncDispose]()
    await registry?.[Symbol.asyncDispose]()
    await postgres?.stop()
    if (dockerHost === undefined) delete process.env['DOCKER_HOST']
    else process.env['DOCKER_HOST'] = dockerHost
    await rm(folder, { recursive: true, force: true })
  })

  function deploy(args: string[], env: Record<string, string> = {}): Promise<CommandResult> {
    return unmoor(['deploy', '--target', 'lambda', '--reporter', 'json', ...args], {
      cwd: project.dir,
      env: { ...cloud.env, ...registry.env, UNMOOR_LAMBDA_BASE: 'local', ...env },
    })
  }

  async function build(name: string, args: string[] = []): Promise<string[]> {
    const dir = join(folder, name)
    const command = ['build', '--target', 'lambda', '--no-check', '--out', dir, ...args]
    const { code, stderr } = await unmoor(command, { cwd: project.dir })
    expect([code, stderr]).toEqual([0, expect.anything()])
    return ['--dir', dir]
  }

  const phases = ({ stdout }: CommandResult): string[] =>
    resultOf<Described>(stdout).steps.map(({ phase }) => phase)

  const rows = async (text: string): Promise<Record<string, unknown>[]> => {
    const sql = pg(postgres.url, { max: 1, onnotice: () => {} })
    try {
      return [...(await sql.unsafe(text))]
    } finally {
      await sql.end()
    }
  }
  const columns = async (): Promise<unknown[]> =>
    (await rows("SELECT column_name AS name FROM information_schema.columns WHERE table_name = 'a'")).map(
      ({ name }) => name,
    )

  test.each(WRONG)('%s is named, and nothing is changed', async (_name, args, env, fault, message) => {
    cloud.fault = fault
    const refused = await deploy(['--dry-run', ...args], env)
    cloud.mend()
    expect([refused.code, refused.stderr]).toEqual([expect.any(Number), expect.stringContaining(message)])
    expect(refused.code).not.toBe(0)
    expect(cloud.changes).toEqual([])
  })

  test('a zip is not deployed by it, and says how', async () => {
    const refused = await deploy([...(await build('zip', ['--package', 'zip'])), '--dry-run'])
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining('this artifact is a zip')])
  })

  test('a first deploy needs --yes, since it serves untried', async () => {
    const refused = await deploy(['--secrets', 'secrets.env'])
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('There is no stack "shop" yet: its first version serves as soon as'),
    ])
    expect(cloud.changes).toEqual([])
  })

  test('a first deploy creates what is missing, and serves', async () => {
    const first = await deploy(['--secrets', 'secrets.env', '--yes'])
    expect([first.code, first.stderr]).toEqual([0, expect.anything()])
    expect(phases(first)).toEqual([
      'resources',
      'upload',
      'upload',
      'resources',
      'resources',
      'migrations',
      'upload',
      'upload',
      'smoke',
      'switch',
      'watch',
    ])
    expect(resultOf<Described>(first.stdout).served).toBe('version 1')
    expect(await cloud.served()).toBe('code-one abc')
    expect(await columns()).toEqual(['x'])
  })

  test('the resources are there, and lead to the alias', async () => {
    const name = await cloud.functionName('shop')
    const read = async (path: string): Promise<object> =>
      JSON.parse(await cloud.call('lambda', path)) as object
    expect(await read(`/2015-03-31/functions/${name}/aliases/live`)).toMatchObject({ FunctionVersion: '1' })
    expect(await cloud.physicalId('shop', 'FunctionUrl')).toMatch(/:shop-Function-\w+:live$/)
    const described = await read(`/2015-03-31/functions/${name}?Qualifier=1`)
    const image = (described as { Code: { ImageUri: string } }).Code.ImageUri
    expect(image).toMatch(new RegExp(`^${HOST.replaceAll('.', '\\.')}/shop@sha256:[0-9a-f]{64}$`))
    expect(await registry.has('shop', image.slice(image.indexOf('@') + 1))).toBe(true)
  })

  test('the plan of a later deploy tries the version before it has traffic', async () => {
    await project.write({
      'src/app.ts': appOf('code-two'),
      'migrations/0002_b.sql': 'ALTER TABLE a ADD COLUMN y TEXT;',
    })
    const before = cloud.changes.length
    const plan = await deploy(['--dry-run'])
    expect([plan.code, plan.stderr]).toEqual([0, expect.anything()])
    expect(phases(plan)).toEqual([
      'upload',
      'upload',
      'migrations',
      'upload',
      'upload',
      'smoke',
      'switch',
      'watch',
    ])
    expect(resultOf<Described>(plan.stdout)).toMatchObject({ serving: 'version 1', confirm: [] })
    // The preview, which is removed again.
    expect(cloud.changes.slice(before)).toEqual([
      'cloudformation CreateChangeSet',
      'cloudformation DeleteChangeSet',
    ])
    expect([await cloud.served(), await columns()]).toEqual(['code-one abc', ['x']])
  })

  test('a later deploy migrates, tries the version without traffic, switches and watches', async () => {
    const before = cloud.changes.length
    const done = await deploy([])
    expect([done.code, done.stderr]).toEqual([0, expect.anything()])
    expect(await cloud.served()).toBe('code-two abc')
    expect(cloud.changes.slice(before)).toEqual([
      'cloudformation CreateChangeSet',
      'cloudformation DeleteChangeSet',
      'cloudformation CreateChangeSet',
      'cloudformation ExecuteChangeSet',
      'lambda PublishVersion',
      'lambda Invoke',
      'lambda UpdateAlias',
    ])
  })

  test('a rollback brings the code back, and leaves the data', async () => {
    const back = await deploy(['--rollback'])
    expect([back.code, back.stderr]).toEqual([0, expect.anything()])
    expect(await cloud.served()).toBe('code-one abc')
    expect(await columns()).toEqual(['x', 'y'])
    const lost = await deploy(['--rollback', '7'])
    expect([lost.code, lost.stderr]).toEqual([1, expect.stringContaining('no version 7. Versions: 1, 2.')])
  })

  test('a migration that does more than expand needs --yes', async () => {
    await project.write({ 'migrations/0003_c.sql': 'ALTER TABLE a DROP COLUMN y;' })
    const refused = await deploy([])
    await rm(join(project.dir, 'migrations/0003_c.sql'))
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('0003_c: ALTER TABLE a DROP COLUMN y'),
    ])
    expect(await columns()).toEqual(['x', 'y'])
  })

  test('event sources that the stack gets need --yes, since they act before the new version', async () => {
    await project.write({
      'src/app.ts': appOf('code-queue', {
        bindings: 'mails: queue()',
        more: "queues: { mails: async () => {} }, crons: { nightly: { schedule: '0 3 * * *', run: async () => {} } },",
      }),
    })
    const refused = await deploy([])
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringMatching(/The stack gets FunctionMailsQueue .*FunctionCronnightly .*its first events/),
    ])
    expect(await cloud.served()).toBe('code-one abc')
  })

  const states = [
    ['UPDATE_IN_PROGRESS', 'another deploy changes it'],
    ['ROLLBACK_COMPLETE', 'aws cloudformation delete-stack --stack-name shop'],
    ['UPDATE_ROLLBACK_FAILED', 'aws cloudformation continue-update-rollback --stack-name shop'],
  ] as const
  test.each(states)('a stack that is %s is named with what helps', async (status, message) => {
    const before = cloud.changes.length
    cloud.status = status
    const refused = await deploy(['--dry-run'])
    cloud.status = undefined
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(message)])
    expect(cloud.changes.length).toBe(before)
  })

  const faults: [string, Row][] = [
    [
      'a repository that cannot be created',
      {
        ...at('resources', 'ecr CreateRepository', 'AccessDeniedException'),
        plant: async () => {
          await cloud.json('ecr', 'DeleteRepository', { repositoryName: 'shop', force: true })
        },
      },
    ],
    [
      'a secret that cannot be set',
      { ...at('resources', 'secretsmanager PutSecretValue'), args: ['--secrets', 'secrets.env'] },
    ],
    [
      'an image that cannot be built',
      {
        phase: 'upload',
        plant: async (dir) => {
          const file = join(dir, 'Dockerfile')
          await writeFile(file, `${await readFile(file, 'utf8')}RUN ["/nothing"]\n`)
        },
      },
    ],
    ['a log-in that is refused', at('upload', 'ecr GetAuthorizationToken', 'ExpiredTokenException')],
    [
      'a registry that takes no image',
      {
        phase: 'upload',
        app: appOf('code-pushed'),
        plant: () => void (registry.isBroken = true),
      },
    ],
    [
      'a migration that the database refuses',
      { phase: 'migrations', migration: 'INSERT INTO nowhere VALUES (1);' },
    ],
    ['a change set that fails', at('upload', 'cloudformation CreateChangeSet', 'InternalFailure', 1)],
    ['a change set that may not run', at('upload', 'cloudformation ExecuteChangeSet', 'AccessDenied')],
    ['a stack that is turned back', at('upload', 'cloudformation ExecuteChangeSet', 'turned back')],
    ['a token that ends during the update', at('upload', 'cloudformation DescribeStacks', 'ExpiredToken', 1)],
    ['a version that is not published', at('upload', 'lambda PublishVersion')],
    ['a version that answers 500', { phase: 'smoke', app: appOf('500') }],
    [
      'a version that does not start',
      {
        phase: 'smoke',
        app: appOf('code-x', {
          before: "if (process.env.AWS_LAMBDA_RUNTIME_API !== undefined) throw new Error('planted')",
        }),
      },
    ],
    ['an alias that cannot be moved', at('switch', 'lambda UpdateAlias', 'AccessDeniedException')],
    ['an alias whose move is not confirmed', at('switch', 'lambda UpdateAlias', 'lost')],
    ['an alias that somebody else moved', at('switch', 'lambda UpdateAlias', 'PreconditionFailedException')],
    ['a version that answers 500 to live traffic', { phase: 'watch', app: appOf('code-y', { live: '500' }) }],
  ]
  test.each(faults)('%s: the old version answers afterwards', async (_name, row) => {
    await project.write({ 'src/app.ts': row.app ?? appOf('code-three') })
    const extra = 'migrations/0009_bad.sql'
    if (row.migration !== undefined) await project.write({ [extra]: row.migration })
    const args = await build(`row-${row.phase}`)
    await rm(join(project.dir, extra), { force: true })
    await row.plant?.(join(folder, `row-${row.phase}`))
    expect(await cloud.served()).toBe('code-one abc')
    cloud.fault = row.fault?.answer === 'lost' ? { ...row.fault, times: 1 } : row.fault
    const failed = await deploy([...args, ...(row.args ?? []), '--yes'])
    cloud.mend()
    registry.isBroken = false
    expect([failed.code, failed.stderr]).toEqual([
      1,
      expect.stringMatching(
        new RegExp(
          `step \\d+ of \\d+ \\(${row.phase}: .*failed: .*(Still serving|Serving again): version 1\\.`,
          's',
        ),
      ),
    ])
    expect(await cloud.served()).toBe('code-one abc')
  })

  test('without a fault the same deploy ends with the new version, with its queue at the alias', async () => {
    await project.write({
      'src/app.ts': appOf('code-three', {
        bindings: 'mails: queue()',
        more: 'queues: { mails: async () => {} },',
      }),
    })
    const done = await deploy(['--yes'])
    expect(done.code, done.stderr).toBe(0)
    expect(await cloud.served()).toBe('code-three abc')
    const sources = JSON.parse(await cloud.call('lambda', '/2015-03-31/event-source-mappings/')) as {
      EventSourceMappings: { EventSourceArn: string }[]
    }
    expect(sources.EventSourceMappings.map((one) => one.EventSourceArn)).toEqual([
      expect.stringContaining('shop-MailsQueue-'),
    ])
  })

  test('a stack that was deployed by hand keeps its code as a version, and gets the alias', async () => {
    const before = JSON.parse(
      await cloud.call('lambda', `/2015-03-31/functions/${await cloud.functionName('shop')}?Qualifier=1`),
    ) as { Code: { ImageUri: string } }
    const dir = join(folder, 'adopted')
    const args = await build('adopted', ['--env', 'adopted'])
    const parameters = {
      ImageUri: before.Code.ImageUri,
      TokenSecret: 'shop/token',
      DatabaseUrlSecret: 'shop/DATABASE_URL',
    }
    await cloud.createStack('byhand', await readFile(join(dir, 'cloudformation.yaml'), 'utf8'), parameters)
    const refused = await deploy([...args, '--env', 'adopted'])
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('was deployed by other means and has no alias "live" yet'),
    ])
    // The alias cannot be moved, and so stays with the code of before.
    cloud.fault = { call: 'lambda UpdateAlias', answer: 'InternalFailure', times: 1 }
    const failed = await deploy([...args, '--env', 'adopted', '--yes'])
    cloud.mend()
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining('Serving again: the function')])
    const name = await cloud.functionName('byhand')
    const alias = await cloud.call('lambda', `/2015-03-31/functions/${name}/aliases/live`)
    expect(JSON.parse(alias)).toMatchObject({ FunctionVersion: '1' })
    const version = await cloud.call('lambda', `/2015-03-31/functions/${name}?Qualifier=1`)
    expect(JSON.parse(version)).toMatchObject({ Code: { ImageUri: before.Code.ImageUri } })
  })

  test('another environment has names of its own', async () => {
    await writeFile(join(project.dir, 'staging.env'), `TOKEN=xyz\nDATABASE_URL=${postgres.url}\n`)
    const plan = await deploy(['--env', 'staging', '--secrets', 'staging.env', '--dry-run'])
    expect([plan.code, plan.stderr]).toEqual([0, expect.anything()])
    const commands = resultOf<Described>(plan.stdout).steps.map(({ command }) => command)
    expect(commands.join('\n')).not.toMatch(/shop(?!-staging)[/ :]/)
    expect(commands.join('\n')).toMatch(/--stack-name shop-staging .*TokenSecret=shop-staging\/token/)
  })
})
