import { mkdir, mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CommandResult, unmoor } from '../unit/cli-process.ts'
import { tempProject, type TempProject } from '../unit/temp-project.ts'
import { deployedApp, resultOf } from './deploy/deployed-app.ts'
import { hasSshd, Service, startSshd } from './deploy/ssh-server.ts'

const BINDINGS = `token: secret(), db: sql({ migrations: 'migrations' })`

/** An app whose process serves under the service manager otherwise than on trial. */
const appOf = (text: string, live = text): string =>
  deployedApp(text, { bindings: BINDINGS }).replace(
    `new Response('${text}')`,
    `process.env.LIVE === '1' ? ${live === '500' ? `new Response('', { status: 500 })` : `new Response('${live}')`} : new Response('${text}')`,
  )

describe.skipIf(!hasSshd)('unmoor deploy --target node, by a real sshd (openssh-server)', () => {
  let folder: string
  let path: string
  let sshd: Awaited<ReturnType<typeof startSshd>> | undefined
  let service: Service
  let project: TempProject

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unmoor-deploy-'))
    path = join(folder, "the server's shop")
    await mkdir(path)
    sshd = await startSshd(folder)
    service = await Service.start(path)
    const deploy = {
      host: 'box',
      sshConfig: sshd.config,
      restart: service.restart,
      path,
      node: process.execPath,
      ready: `${service.admin}/readyz`,
      // How long a start takes is the machine's: only where none comes is the wait shorter (HASTY).
      readyTimeout: 120,
      keep: 2,
      watch: 1,
    }
    project = await tempProject({
      'unmoor.config.ts': `import { defineConfig } from 'unmoor'
const deploy = ${JSON.stringify({ ...deploy, url: service.url })}
const { restart } = deploy
if (process.env.HASTY === '1') deploy.readyTimeout = 40
export default defineConfig({
  name: 'shop',
  targets: { node: { deploy } },
  environments: {
    staging: { targets: { node: { deploy: { restart, path: deploy.path + '-staging' } } } },
    lost: { targets: { node: { deploy: { restart, host: 'nowhere.invalid' } } } },
  },
})`,
      'src/app.ts': appOf('code-one'),
      'migrations/0001_a.sql': 'CREATE TABLE a (x INTEGER PRIMARY KEY);',
    })
  })
  afterAll(async () => {
    await service?.[Symbol.asyncDispose]()
    await sshd?.[Symbol.asyncDispose]()
    await project?.[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  const deploy = (...args: string[]): Promise<CommandResult> =>
    unmoor(['deploy', '--target', 'node', '--reporter', 'json', ...args], { cwd: project.dir })
  /** As `deploy`, for a release that never gets ready. */
  const deployInHaste = (...args: string[]): Promise<CommandResult> =>
    unmoor(['deploy', '--target', 'node', ...args], { cwd: project.dir, env: { HASTY: '1' } })

  /** Builds the app as it is now: some of these apps read \`process.env\`, which \`unmoor check\` refuses. */
  async function build(name: string): Promise<string[]> {
    const dir = join(folder, name)
    const { code, stderr } = await unmoor(['build', '--target', 'node', '--no-check', '--out', dir], {
      cwd: project.dir,
    })
    expect([code, stderr]).toEqual([0, expect.anything()])
    return ['--dir', dir]
  }

  const served = async (): Promise<string> => (await fetch(service.url)).text()

  test('a missing secret and a server out of reach are named, and nothing is changed', async () => {
    const lacking = await deploy(...(await build('one')), '--dry-run')
    expect([lacking.code, lacking.stderr]).toEqual([
      1,
      expect.stringContaining('The server lacks TOKEN (secret "token"). Nothing was changed.'),
    ])
    const lost = await deploy('--env', 'lost', '--dry-run')
    expect([lost.code, lost.stderr]).toEqual([
      1,
      expect.stringContaining('ssh does not reach nowhere.invalid'),
    ])
    expect(await readdir(path)).toEqual([])
  })

  test('a first deploy needs --yes', async () => {
    await writeFile(join(path, 'env'), `TOKEN=abc\nDATA_DIR=${join(folder, 'data')}\n`)
    const one = ['--dir', join(folder, 'one')]
    const refused = await deploy(...one)
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('No release of this app is on the server yet'),
    ])
    expect(await readdir(path)).toEqual(['env'])
    const first = await deploy(...one, '--yes')
    expect([first.code, first.stderr]).toEqual([0, expect.anything()])
    expect(resultOf<{ steps: { phase: string }[] }>(first.stdout).steps.map(({ phase }) => phase)).toEqual([
      'upload',
      'migrations',
      'smoke',
      'switch',
      'watch',
      'clean',
    ])
    expect(await served()).toBe('code-one')
  })

  test('a later deploy migrates, and serves', async () => {
    await project.write({
      'src/app.ts': appOf('code-two'),
      'migrations/0002_b.sql': 'ALTER TABLE a ADD COLUMN y TEXT;',
    })
    const second = await deploy(...(await build('two')))
    expect([second.code, second.stderr]).toEqual([0, expect.anything()])
    expect(await served()).toBe('code-two')
  })

  test('a rollback brings the release of before back, on the newer tables', async () => {
    const back = await deploy('--dir', join(folder, 'two'), '--rollback')
    expect([back.code, back.stderr]).toEqual([0, expect.anything()])
    expect(await served()).toBe('code-one')
    using database = new DatabaseSync(join(folder, 'data/shop/sql-db.sqlite'))
    expect(database.prepare("SELECT name FROM pragma_table_info('a')").all()).toHaveLength(2)
  })

  const faults: [string, string, () => Promise<string[]>][] = [
    [
      'upload: packages that npm cannot install',
      'upload',
      async () => {
        const args = await build('upload')
        const file = join(folder, 'upload/package.json')
        const description = JSON.parse(await readFile(file, 'utf8')) as object
        await writeFile(
          file,
          JSON.stringify({ ...description, dependencies: { absent: 'file:./absent.tgz' } }),
        )
        return args
      },
    ],
    [
      'migrations: a statement that the database refuses',
      'migrations',
      async () => {
        await project.write({ 'migrations/0003_c.sql': 'INSERT INTO nowhere VALUES (1);' })
        const args = await build('migrations')
        await rm(join(project.dir, 'migrations/0003_c.sql'))
        return args
      },
    ],
    [
      'smoke: a release that answers 500',
      'smoke',
      async () => {
        await project.write({
          'src/app.ts': appOf('code-three')
            .replace(`new Response('code-three')\n`, '')
            .replace(`: new Response('code-three')`, `: new Response('', { status: 500 })`),
        })
        return build('smoke')
      },
    ],
    [
      'switch: a restart that fails',
      'switch',
      async () => {
        await project.write({ 'src/app.ts': appOf('code-three') })
        service.fault = 'fail'
        return build('three')
      },
    ],
    [
      'switch: a restart that does nothing',
      'switch',
      async () => {
        service.fault = 'nothing'
        return ['--dir', join(folder, 'three')]
      },
    ],
    [
      'switch: a release that does not start under the service manager',
      'switch',
      async () => {
        await project.write({
          'src/app.ts': `if (process.env.LIVE === '1') throw new Error('planted')\n${appOf('code-three')}`,
        })
        return build('start')
      },
    ],
    [
      'watch: a release that answers 500 once it serves',
      'watch',
      async () => {
        await project.write({ 'src/app.ts': appOf('code-three', '500') })
        return build('watch')
      },
    ],
  ]
  test.each(faults)('%s: the old release answers afterwards', async (_name, phase, plant) => {
    const args = await plant()
    const before = await served()
    expect(before).toMatch(/^code-(one|two)$/)
    const failed = await (phase === 'switch' ? deployInHaste : deploy)(...args)
    expect(failed.stderr).toMatch(
      new RegExp(`step \\d of \\d \\(${phase}: .*failed: .*(Still serving|Serving again): release `, 's'),
    )
    expect(failed.code).toBe(1)
    expect(await served()).toBe(before)
  })

  test('releases beyond "keep" are removed, but not the one before', async () => {
    const before = await readlink(join(path, 'current'))
    const done = await deploy('--dir', join(folder, 'three'))
    expect([done.code, done.stderr]).toEqual([0, expect.anything()])
    expect(await served()).toBe('code-three')
    const left = (await readdir(join(path, 'releases'))).filter((name) => !name.endsWith('.part'))
    const current = await readlink(join(path, 'current'))
    expect(left.map((name) => `releases/${name}`)).toEqual(expect.arrayContaining([before, current]))
    expect(left.length).toBeLessThanOrEqual(3)
  })

  test('an app with consumers of queues says that it cannot be tried apart', async () => {
    await project.write({
      'src/app.ts': deployedApp('code-queue', {
        bindings: `${BINDINGS}, mails: queue()`,
        more: 'queues: { mails: async () => {} },',
      }),
    })
    const refused = await deploy()
    expect([refused.code, refused.stderr]).toEqual([
      2,
      expect.stringContaining('consumers of queues or crons'),
    ])
  })
})
