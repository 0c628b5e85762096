import { mkdir, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { runUnmoor, unmoor } from './cli-process.ts'
import { appSource, tempProject } from './temp-project.ts'

describe('wrong use ends with exit code 2 and says what there is', () => {
  test.each([
    [['nope'], /unknown command 'nope'/],
    [['build'], /required option '-t, --target/],
    [['build', '--target', 'node', '--nope'], /unknown option '--nope'/],
    [
      ['build', '--target', 'cloudfare'],
      /no target "cloudfare"\. Did you mean "cloudflare"\? Targets: node, cloudflare, lambda, isolate/,
    ],
    [['build', '--target', 'node', 'lambda', '--out', 'x'], /--out takes one target, not 2/],
    [['build', '--target', 'node', '--reporter', 'xml'], /Allowed choices are text, json/],
    [['build', '--target', 'node', '--out', '..'], /holds the project itself/],
    [['start', '--target', 'node', '--port', '70000'], /A port is a whole number from 0 to 65535/],
    [['start', '--target', 'node', '--build', '--dir', 'x'], /leave out --dir/],
    [['test', '--target', 'nope'], /no target "nope"/],
    [['build', '--target', 'node', '-C', 'nowhere'], /no folder .*nowhere/],
    [['migrate'], /required option '-t, --target/],
    [['migrate', '--target', 'node', '--status', '--dry-run'], /--status and --dry-run: give one of them/],
    [['migrate', '--target', 'node', '--status', '--file', 'a.sql'], /--status tells of .* give one of them/],
    [
      ['migrate', '--target', 'node', '--dry-run', '--file', 'a.sql'],
      /--dry-run tells of .* give one of them/,
    ],
    [['migrate', '--target', 'node', '--database', 'db'], /--database says where --file runs, or where new/],
    [['migrate', 'new'], /missing required argument 'name'/],
    [['migrate', 'new', 'A b'], /"A b" cannot name a migration\. A name has lower-case letters/],
    [['migrate', 'new', 'a', '--target', 'node'], /leave out --target/],
    [['migrate', '--dry-run', 'new', 'a'], /leave out --dry-run/],
    [['migrate', 'new', 'a'], /The app has no database\./],
    [['migrate', 'nwe', 'a'], /too many arguments for 'migrate'/],
    [['init', '.'], /is not empty/],
    [['init', 'new', '--name', 'A b'], /"A b" is no name for an app/],
  ])('%j', async (args, message) => {
    await using project = await tempProject({ 'src/app.ts': appSource() })
    const { code, stdout, stderr } = await runUnmoor(args, { cwd: project.dir })
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect((await readdir(project.dir)).includes('.unmoor')).toBe(false)
  })

  test('no command prints the help', async () => {
    const { code, stderr } = await unmoor([])
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('Usage: unmoor') })
  })

  test.each([
    [
      'a binding that is not declared',
      { 'unmoor.config.ts': 'export default { drivers: { links: "memory" } }' },
      /declares no binding "links"/,
    ],
    [
      'a config that does not parse',
      { 'unmoor.config.ts': 'export default {' },
      /unmoor\.config\.ts does not load/,
    ],
  ])('%s', async (_name, files, message) => {
    await using project = await tempProject({ 'src/app.ts': appSource(), ...files })
    const { code, stderr } = await runUnmoor(['build', '--target', 'node'], { cwd: project.dir })
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) })
  })

  test('an older Node', async () => {
    // The check alone: the version is what it is here, so it is changed before main.js runs.
    await using project = await tempProject({
      'old.mjs': `Object.defineProperty(process.versions, 'node', { value: '22.1.0' })`,
    })
    const { code, stdout, stderr } = await unmoor(['build'], {
      env: { NODE_OPTIONS: `--import ${join(project.dir, 'old.mjs')}` },
    })
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/needs Node 24 or newer; this is Node 22\.1\.0/)
  })
})

describe('failures end with exit code 1', () => {
  test('an app that does not build', async () => {
    await using project = await tempProject({ 'src/app.ts': 'export const a = 1' })
    const { code, stderr } = await runUnmoor(['build', '--target', 'node'], { cwd: project.dir })
    // A build that takes long says that it builds.
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^(Building for node \.\.\.\n)?error: src\/app\.ts: there is no default export[^\n]*\n$/,
      ),
    })
  })

  test('a start without a build', async () => {
    await using project = await tempProject({ 'src/app.ts': appSource() })
    const { code, stderr } = await runUnmoor(['start', '--target', 'node'], { cwd: project.dir })
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringContaining('Run first: unmoor build --target node'),
    })
  })

  test('a stack comes with --verbose', async () => {
    await using project = await tempProject({ 'src/app.ts': 'export const a = 1' })
    expect(
      (await runUnmoor(['build', '--target', 'node', '--verbose'], { cwd: project.dir })).stderr,
    ).toMatch(/\n\s+at /)
  })
})

describe('--reporter json', () => {
  const lastLine = (text: string): unknown => JSON.parse(text.trimEnd().split('\n').at(-1) ?? '')

  test('a failure is a line too', async () => {
    await using project = await tempProject({ 'src/app.ts': 'export const a = 1' })
    const failed = await runUnmoor(['build', '--target', 'node', '--reporter', 'json'], { cwd: project.dir })
    expect(lastLine(failed.stdout)).toEqual({
      error: { code: 'InvalidArgument', message: expect.stringContaining('no default export') },
    })
    const misused = await runUnmoor(['build', '--reporter=json'], { cwd: project.dir })
    expect(lastLine(misused.stdout)).toMatchObject({
      error: { code: 'InvalidArgument', message: expect.stringContaining('--target') },
    })
  })

  test('a build prints one line and nothing else on stdout', async () => {
    await using project = await tempProject({ 'src/app.ts': appSource() })
    const { code, stdout } = await unmoor(['build', '--target', 'node', '--reporter', 'json'], {
      cwd: project.dir,
    })
    expect({ code, lines: stdout.trimEnd().split('\n').length }).toEqual({ code: 0, lines: 1 })
    expect(JSON.parse(stdout)).toMatchObject({
      targets: [{ target: 'node', dir: join(project.dir, '.unmoor/node'), bytes: expect.any(Number) }],
    })
  })
})

test.each([
  [['--help']],
  [['build', '--help']],
  [['help', 'start']],
  [['init', '--help']],
  [['dev', '--help']],
  [['test', '--help']],
  [['migrate', '--help']],
  [['conformance', '--help']],
  [['--version']],
])('%j ends with 0', async (args) => {
  const { code, stdout, stderr } = await runUnmoor(args)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  expect(stdout).toMatch(args.includes('--version') ? /^\d+\.\d+\.\d+/ : /Usage: unmoor/)
})

test('init takes an empty folder, and one with only .git', async () => {
  await using project = await tempProject()
  await mkdir(join(project.dir, 'apps/shop/.git'), { recursive: true })
  const { code } = await runUnmoor(['init', 'apps/shop'], { cwd: project.dir })
  expect(code).toBe(0)
  expect(await readdir(join(project.dir, 'apps/shop'))).toContain('unmoor.config.ts')
})
