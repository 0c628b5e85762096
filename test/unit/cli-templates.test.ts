import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { projectPackages, TEMPLATES, type TemplateName } from '../../core/tools/create/catalogue.ts'
import { loadAdapter } from '../../core/tools/build/adapters.ts'
import { loadProject } from '../../core/tools/build/project.ts'
import { createPlan } from '../../adapters/lambda/local/services/plan.ts'
import { type CommandResult, unmoor } from './cli-process.ts'
import { linkTemplatePackages } from './template-project.ts'
import { checkout, tempProject, type TempProject } from './temp-project.ts'

const names = Object.keys(TEMPLATES) as TemplateName[]
const isInstalled = (name: string): boolean => existsSync(join(checkout, 'node_modules', name))
/** Templates whose packages this checkout has. The slow tests install those of the others. */
const installed = names.filter((name) =>
  Object.keys(projectPackages(name, ['node']).dependencies).every(
    (each) => each === 'unmoor' || isInstalled(each),
  ),
)
const folder = join(checkout, 'core/tools/create/templates')

test('every folder of templates is in the catalogue, and all have one tsconfig.json', async () => {
  expect((await readdir(folder)).sort()).toEqual([...names].sort())
  const configs = await Promise.all(
    names.map((name) => readFile(join(folder, name, 'tsconfig.json'), 'utf8')),
  )
  expect(new Set(configs).size).toBe(1)
})

test('no template has a file that npm leaves out of packages or reads itself', async () => {
  const files = await readdir(folder, { recursive: true })
  expect(
    files.filter((file) => /(^|\/)(package\.json|\.gitignore|\.env|\.npmrc|\.npmignore)$/.test(file)),
  ).toEqual([])
  const { files: shipped } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
    files: string[]
  }
  expect(shipped).toContain('core/tools/create/templates')
})

test('the versions of packages that only the corpus has are the corpus’s', async () => {
  const manifests = await Promise.all(
    ['frameworks/tanstack-start/package.json', 'package.json'].map(
      async (name) =>
        JSON.parse(await readFile(join(checkout, 'test/corpus', name), 'utf8')) as {
          dependencies: Record<string, string>
          devDependencies: Record<string, string>
        },
    ),
  )
  const versions = Object.fromEntries(
    manifests.flatMap((each) => Object.entries({ ...each.dependencies, ...each.devDependencies })),
  )
  const others = names.flatMap((name) => {
    const { dependencies, devDependencies } = projectPackages(name, ['node'])
    return Object.entries({ ...dependencies, ...devDependencies }).filter(
      ([each]) => each !== 'unmoor' && !isInstalled(each),
    )
  })
  expect(others.map(([name]) => name).sort()).toEqual([
    '@types/react',
    '@types/react-dom',
    '@vitejs/plugin-react',
    'better-auth',
    'react',
    'react-dom',
  ])
  for (const [name, range] of others) expect([name, range]).toEqual([name, `^${versions[name]}`])
})

test('a version that a template names satisfies the range of unmoor’s peer', async () => {
  const { peerDependencies } = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
    peerDependencies: Record<string, string>
  }
  const numbers = (range: string): number[] => range.replace(/^\D+/, '').split('.').map(Number)
  for (const name of names) {
    const { dependencies, devDependencies } = projectPackages(name, [
      'node',
      'cloudflare',
      'lambda',
      'isolate',
    ])
    for (const [each, range] of Object.entries({ ...dependencies, ...devDependencies })) {
      const peer = peerDependencies[each]
      if (peer === undefined) continue
      const [major, minor = 0, patch = 0] = numbers(range)
      const [peerMajor, peerMinor = 0, peerPatch = 0] = numbers(peer)
      const isNewer = minor > peerMinor || (minor === peerMinor && patch >= peerPatch)
      const fits = peer.startsWith('>=')
        ? major !== undefined && major >= (peerMajor ?? 0)
        : major === peerMajor
      expect([each, range, peer, fits && (isNewer || major !== peerMajor)]).toEqual([each, range, peer, true])
      expect([each, range.startsWith('~')]).toEqual([each, peer.startsWith('~')])
    }
  }
})

describe.each(installed)('the template %s', (name) => {
  const notBuilt: readonly string[] = (TEMPLATES[name] as { notBuilt?: readonly string[] }).notBuilt ?? []
  const targets = ['node', 'cloudflare', 'lambda', 'isolate'].filter((target) => !notBuilt.includes(target))
  let parent: TempProject
  let dir: string
  let made: CommandResult
  beforeAll(async () => {
    parent = await tempProject()
    dir = join(parent.dir, 'an-app')
    made = await unmoor(['init', 'an-app', '--template', name, '--reporter', 'json'], {
      cwd: parent.dir,
    })
    await linkTemplatePackages(dir)
  })
  afterAll(() => parent[Symbol.asyncDispose]())

  test(`${name}: has its own name everywhere, and a .gitignore`, async () => {
    expect({ code: made.code, result: JSON.parse(made.stdout) }).toMatchObject({
      code: 0,
      result: { name: 'an-app', template: name, dir },
    })
    const entries = await readdir(dir, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
    for (const file of files)
      expect(await readFile(join(file.parentPath, file.name), 'utf8')).not.toContain('my-app')
    expect(files.map((file) => file.name)).toContain('.gitignore')
    expect(await readFile(join(dir, 'README.md'), 'utf8')).toMatch(/^# an-app\n/)
  })

  test(`${name}: type checks, with JSX and imports without an extension`, async () => {
    await mkdir(join(dir, 'src/jsx'), { recursive: true })
    await parent.write({
      'an-app/src/jsx/name.tsx': `export const Name = ({ name }: { name: string }) => <b>{name}</b>\n`,
      'an-app/src/jsx/page.tsx': `import { Name } from './name'\nexport const page = <Name name="Ada" />\n`,
    })
    const tsc = join(dir, 'node_modules/typescript/bin/tsc')
    const { stdout, status } = spawnSync(process.execPath, [tsc, '-p', '.'], { cwd: dir, encoding: 'utf8' })
    expect({ stdout, status }).toEqual({ stdout: '', status: 0 })
  })

  test(`${name}: check finds nothing, before any build`, async () => {
    const { code, stdout } = await unmoor(['check'], { cwd: dir })
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^0 errors, 0 warnings in /) })
  })

  test(`${name}: builds for ${targets.join(', ')}${notBuilt.length > 0 ? ', and wrangler takes it' : ''}`, async () => {
    const built = await unmoor(
      ['build', '--reporter', 'json', ...targets.flatMap((each) => ['--target', each])],
      {
        cwd: dir,
      },
    )
    expect({ code: built.code, ...JSON.parse(built.stdout) }).toMatchObject({
      code: 0,
      targets: targets.map((target) => ({ target })),
    })
    expect(built.stderr).not.toContain('warning')
    for (const target of notBuilt) {
      const refused = await unmoor(['build', '--target', target], { cwd: dir })
      expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('deploy it with wrangler') })
      const { status } = spawnSync(
        process.execPath,
        [
          join(checkout, 'node_modules/wrangler/bin/wrangler.js'),
          'deploy',
          '--dry-run',
          '--outdir',
          '.wrangler/out',
        ],
        { cwd: dir, encoding: 'utf8', env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: '1' } },
      )
      expect(status).toBe(0)
    }
  })

  test(`${name}: passes its own tests on node`, async () => {
    const { code, stdout } = await unmoor(['test', '--target', 'node', '--reporter', 'json'], { cwd: dir })
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 0, passed: true, targets: [{ failed: 0 }] })
  })

  test(`${name}: names the packages that a local start on lambda needs, and no others`, async () => {
    const project = await loadProject(dir)
    const adapter = await loadAdapter('lambda', dir, project.config)
    const drivers = Object.fromEntries(
      Object.entries(project.manifest.bindings).flatMap(([binding, { kind }]) => {
        const spec = adapter.defaultDrivers[kind as keyof typeof adapter.defaultDrivers]
        return spec === undefined ? [] : [[binding, spec]]
      }),
    )
    const plan = createPlan(project.manifest, drivers, {})
    const { dependencies, devDependencies } = projectPackages(name, ['lambda'])
    const plain = projectPackages(name, ['node'])
    expect(
      Object.keys(devDependencies)
        .filter((each) => !(each in plain.devDependencies))
        .sort(),
    ).toEqual([
      ...(plan.databases.length > 0 ? ['@electric-sql/pglite'] : []),
      ...(Object.keys(plan.tables).length > 0 ? ['dynalite'] : []),
      ...(Object.keys(plan.buckets).length > 0 || plan.queues.length > 0 ? ['fauxqs'] : []),
    ])
    expect('postgres' in dependencies).toBe(plan.databases.length > 0)
  })
})
