import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, stat, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { buildApp, buildApps, readArtifact } from '../../core/tools/build/build.ts'
import { loadProject } from '../../core/tools/build/project.ts'
import { startLoader } from '../../core/tools/build/loader.ts'
import { PATIENCE } from '../patience.ts'
import { appSource, bareAdapter, tempProject } from './temp-project.ts'

describe('the artifact folder', () => {
  test('is replaced whole, and stays as it was when a build fails', async () => {
    await using project = await tempProject({ 'src/app.ts': appSource() })
    const out = join(project.dir, '.unmoor/bare')
    const first = bareAdapter({ build: async (context) => context.write('first/a.txt', 'a') })
    await buildApp({ projectDir: project.dir, target: 'bare', adapter: first })
    expect((await stat(out)).mode & 0o777).toBe(0o755)
    const failing = bareAdapter({
      async build(context) {
        await context.write('half.txt', 'half')
        throw new Error('no')
      },
    })
    await expect(buildApp({ projectDir: project.dir, target: 'bare', adapter: failing })).rejects.toThrow(
      'no',
    )
    expect(await readdir(out)).toEqual(['first', 'unmoor.json'])
    await buildApp({
      projectDir: project.dir,
      target: 'bare',
      adapter: bareAdapter({ build: async (context) => context.write('b.txt', 'b') }),
    })
    expect(await readdir(out)).toEqual(['b.txt', 'unmoor.json'])
    expect(await readdir(join(project.dir, '.unmoor'))).toEqual(['bare'])
  })

  test('takes two builds at once', async () => {
    await using project = await tempProject({ 'src/app.ts': appSource() })
    const builds = Array.from({ length: 6 }, () =>
      buildApp({ projectDir: project.dir, target: 'bare', adapter: bareAdapter() }),
    )
    await Promise.all(builds)
    expect(await readdir(join(project.dir, '.unmoor'))).toEqual(['bare'])
    expect(await readdir(join(project.dir, '.unmoor/bare'))).toEqual([
      'app.mjs',
      'app.mjs.map',
      'unmoor.json',
    ])
  })

  test('never replaces what no build made', async () => {
    await using project = await tempProject({ 'src/app.ts': appSource(), 'precious/thesis.txt': 'x' })
    const build = (outDir: string): Promise<unknown> =>
      buildApp({ projectDir: project.dir, target: 'bare', adapter: bareAdapter(), outDir })
    await expect(build('precious')).rejects.toMatchObject({
      operation: 'config',
      message: expect.stringContaining('they would be lost'),
    })
    await expect(build('.')).rejects.toThrow(/holds the project itself/)
    await expect(build('..')).rejects.toThrow(/holds the project itself/)
    await expect(build('package.json')).rejects.toThrow(/is not a folder/)
    expect(existsSync(join(project.dir, 'precious/thesis.txt'))).toBe(true)
  })

  test('is not left by an adapter', async () => {
    await using project = await tempProject({ 'src/app.ts': appSource() })
    const adapter = bareAdapter({ build: (context) => context.write('../../evil.txt', 'x') })
    await expect(buildApp({ projectDir: project.dir, target: 'bare', adapter })).rejects.toThrow(
      /outside of its artifact/,
    )
  })

  test('tells what it is', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ bindings: `links: unmoor.kv(), name: unmoor.variable({ default: 'x' })` }),
    })
    const { outDir, info } = await buildApp({
      projectDir: project.dir,
      target: 'bare',
      adapter: bareAdapter(),
      testChannel: true,
    })
    expect(info).toMatchObject({
      target: 'bare',
      testChannel: true,
      drivers: { links: { driver: 'memory' } },
      manifest: { version: 1, name: 'fixture', fetch: true },
    })
    expect(await readArtifact(outDir)).toEqual(info)
    await expect(readArtifact(join(project.dir, 'nowhere'), 'bare')).rejects.toMatchObject({
      code: 'NotFound',
      message: expect.stringContaining('unmoor build --target bare'),
    })
  })

  test('has the assets under their own names', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ bindings: `files: unmoor.assets({ directory: './public' })` }),
      'public/a b#c%.txt': 'x',
      'public/sub/ü.html': 'y',
    })
    const { outDir, project: read } = await buildApp({
      projectDir: project.dir,
      target: 'bare',
      adapter: bareAdapter(),
    })
    expect(read.assets?.files.map(({ path, size }) => [path, size])).toEqual([
      ['/a%20b%23c%25.txt', 1],
      ['/sub/%C3%BC.html', 1],
    ])
    expect(await readFile(join(outDir, 'assets/a b#c%.txt'), 'utf8')).toBe('x')
    expect(await readFile(join(outDir, 'assets/sub/ü.html'), 'utf8')).toBe('y')
  })
})

describe('assets', () => {
  const app = appSource({ bindings: `files: unmoor.assets({ directory: './public' })` })
  const paths = async (dir: string): Promise<string[] | undefined> =>
    (await loadProject(dir)).assets?.files.map(({ path }) => path)

  test('leave dotfiles out, but for .well-known; links within the folder are followed', async () => {
    await using project = await tempProject({
      'src/app.ts': app,
      'public/.env': 'SECRET=1',
      'public/.git/config': 'x',
      'public/.well-known/security.txt': 'x',
      'public/index.html': 'x',
    })
    await symlink('index.html', join(project.dir, 'public/home.html'))
    expect(await paths(project.dir)).toEqual(['/.well-known/security.txt', '/home.html', '/index.html'])
  })

  test('are refused where a link leads out of the folder or in a circle', async () => {
    await using project = await tempProject({ 'src/app.ts': app, 'public/index.html': 'x' })
    await symlink('../package.json', join(project.dir, 'public/out.json'))
    await expect(paths(project.dir)).rejects.toThrow(/out\.json leads out of the folder/)
    await using circle = await tempProject({ 'src/app.ts': app, 'public/index.html': 'x' })
    await mkdir(join(circle.dir, 'public/sub'))
    await symlink('..', join(circle.dir, 'public/sub/up'))
    await expect(paths(circle.dir)).rejects.toThrow(/leads in a circle/)
  })

  test('need their folder, and never are the whole project', async () => {
    await using project = await tempProject({ 'src/app.ts': app })
    await expect(paths(project.dir)).rejects.toMatchObject({ code: 'NotFound', binding: 'files' })
    await project.write({ 'src/app.ts': appSource({ bindings: `files: unmoor.assets({ directory: '.' })` }) })
    await expect(paths(project.dir)).rejects.toThrow(/holds the whole project/)
  })
})

describe('the manifest', () => {
  test.each([
    [
      'no default export',
      'export const a = 1',
      /src\/app\.ts: there is no default export\. End it with: export default defineApp/,
    ],
    [
      'a bare handler',
      'export default { fetch: () => new Response() }',
      /has a fetch but was not made by defineApp/,
    ],
    ['a number', 'export default 3', /default export is a number/],
    [
      'a throw names the line of the source',
      'type A = 1\n\nthrow new TypeError("boom")',
      /TypeError: boom \(.*src\/app\.ts:3:7\)/,
    ],
    ['an exit', 'console.error("bye"); process.exit(3)', /ended with exit code 3[^]*bye/],
    [
      "a declaration's own error",
      `import { defineBindings, kv } from 'unmoor'\nexport default defineBindings({ 'a-b': kv() })`,
      /src\/app\.ts: Binding "a-b": use letters and digits/,
    ],
  ])('%s', async (_name, source, message) => {
    await using project = await tempProject({ 'src/app.ts': source })
    await expect(loadProject(project.dir)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(message),
    })
  })

  test('an app that waits at its top level, or loops, is ended', async () => {
    const began = `import { writeFileSync } from 'node:fs'\nconsole.error('waiting for you')\nwriteFileSync(import.meta.filename + '.began', '')\n`
    await using project = await tempProject({
      'wait.mjs': `${began}await new Promise(() => { setInterval(() => {}, 1000) })`,
      'loop.mjs': `${began}for (;;) {}`,
    })
    for (const file of ['wait.mjs', 'loop.mjs']) {
      // Its time is over when it has begun, however long a process takes to start.
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
      try {
        const failed = startLoader({ timeoutSeconds: 3 }).manifest(join(project.dir, file), file, 'x')
        failed.catch(() => {})
        await expect.poll(() => existsSync(join(project.dir, `${file}.began`)), PATIENCE).toBe(true)
        // What it printed before is read in the next turn.
        for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
        vi.advanceTimersByTime(3000)
        await expect(failed).rejects.toMatchObject({
          code: 'Timeout',
          message: expect.stringMatching(/3 s[^]*waiting for you/),
        })
      } finally {
        vi.useRealTimers()
      }
    }
  })
})

describe('drivers', () => {
  const app = appSource({ bindings: `links: unmoor.kv(), region: unmoor.variable({ default: 'x' })` })
  const drivers = async (config: object, adapter = bareAdapter()): Promise<unknown> => {
    await using project = await tempProject({
      'src/app.ts': app,
      'own.mjs': 'export const kv = () => ({})',
      'blobs.mjs': 'export const blob = () => ({})',
    })
    return (await buildApp({ projectDir: project.dir, target: 'bare', adapter, config })).info.drivers
  }

  test("the target's own come before those for all, and those before the default", async () => {
    expect(await drivers({})).toEqual({ links: { driver: 'memory' } })
    expect(await drivers({ drivers: { links: 'sqlite' } })).toEqual({ links: { driver: 'sqlite' } })
    expect(
      await drivers({
        drivers: { links: 'sqlite' },
        targets: { bare: { drivers: { links: { driver: './own.mjs', size: 3 } } } },
      }),
    ).toEqual({
      links: { driver: './own.mjs', size: 3 },
    })
  })

  test.each([
    [
      { drivers: { link: 'memory' } },
      /declares no binding "link"\. Did you mean "links"\? Declared: links, region/,
    ],
    [{ drivers: { region: 'memory' } }, /"region" is a variable/],
    [
      { drivers: { links: 'rediss' } },
      /no driver "rediss"\. Did you mean "redis"\? Drivers for "bare": .*memory.*sqlite/,
    ],
    [{ drivers: { links: './nope.mjs' } }, /no driver module/],
    [
      { drivers: { links: './blobs.mjs' } },
      /"links" is a kv, which the driver "\.\/blobs\.mjs" does not serve\. It serves: blob/,
    ],
  ])('%j is refused', async (config, message) => {
    await expect(drivers(config)).rejects.toMatchObject({
      operation: 'config',
      message: expect.stringMatching(message),
    })
  })

  test("a package's driver without the kind is named", async () => {
    await using project = await tempProject({
      'src/app.ts': app,
      'node_modules/own-driver/package.json':
        '{ "name": "own-driver", "exports": "./i.js", "type": "module" }',
      'node_modules/own-driver/i.js': 'export const blob = 1',
    })
    const adapter = bareAdapter({
      async build(context) {
        const { imports, object } = context.driverImports()
        await context.bundle({ entry: `${imports}\nexport const drivers = ${object}`, file: 'app.mjs' })
      },
    })
    const built = buildApp({
      projectDir: project.dir,
      target: 'bare',
      adapter,
      config: { drivers: { links: 'own-driver' } },
    })
    await expect(built).rejects.toMatchObject({
      operation: 'config',
      message: expect.stringMatching(/driver module .*own-driver.* has no export "kv"/),
    })
  })

  test('a kind without default must be named', async () => {
    await expect(drivers({}, bareAdapter({ defaultDrivers: {} }))).rejects.toThrow(
      /no default driver for the kv binding "links".*targets\.bare\.drivers\.links/,
    )
  })

  test('come into the entry with the portable class of their kind', async () => {
    await using project = await tempProject({ 'src/app.ts': app })
    let code = ''
    const adapter = bareAdapter({
      build: async (context) => {
        const { imports, object } = context.driverImports()
        code = await readFile(
          (
            await context.bundle({
              entry: `${imports}\nexport const drivers = ${object}`,
              file: 'app.mjs',
              minify: false,
            })
          ).file,
          'utf8',
        )
      },
    })
    await buildApp({ projectDir: project.dir, target: 'bare', adapter })
    expect(code).toMatch(
      /"links": \{\s*create: kv[\w$]*,\s*options: \{ "driver": "memory" \},\s*portable: portableKv/,
    )
  })
})

describe('targets', () => {
  test('several share what is read once', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource(),
      'unmoor.config.ts': `export default { targets: { one: { adapter: './one.mjs' }, two: { adapter: './two.mjs' } } }`,
      ...Object.fromEntries(
        ['one', 'two'].map((name) => [
          `${name}.mjs`,
          `export default { name: '${name}', capabilities: {}, nodeBuiltins: [], conditions: [], defaultDrivers: {}, build: (c) => c.write('x', '${name}'), start() {}, migrate() {} }`,
        ]),
      ),
    })
    const [one, two] = await buildApps({ projectDir: project.dir, targets: ['one', 'two'] })
    expect(one?.project).toBe(two?.project)
    expect(await readFile(join(project.dir, '.unmoor/two/x'), 'utf8')).toBe('two')
  })

  test.each([
    [
      'nope',
      /no target "nope"\. Did you mean "node"\? Targets: node, cloudflare, lambda, isolate, bad, misnamed\./,
    ],
    ['misnamed', /that adapter calls itself "other"\. Write targets\.other/],
    ['bad', /no Adapter as its default export/],
    ['./missing.mjs', /no adapter module .*missing\.mjs/],
  ])('%s is refused', async (target, message) => {
    await using project = await tempProject({
      'src/app.ts': appSource(),
      'bad.mjs': 'export default {}',
      'unmoor.config.js': `export default { targets: { bad: { adapter: './bad.mjs' }, misnamed: { adapter: './other.mjs' } } }`,
      'other.mjs': `export default { name: 'other', build() {}, start() {} }`,
    })
    await expect(buildApp({ projectDir: project.dir, target })).rejects.toThrow(message)
  })
})
