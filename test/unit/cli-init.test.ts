import { spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, test, vi } from 'vitest'
import { runUnmoor, type CommandResult } from './cli-process.ts'
import { checkout, linkPackages } from './temp-project.ts'

/** An empty folder with these files, and nothing of unmoor. */
async function folder(files: Readonly<Record<string, string>> = {}) {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-init-'))
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true })
    await writeFile(join(dir, path), text)
  }
  return {
    dir,
    read: (path: string) => readFile(join(dir, path), 'utf8'),
    json: async (path: string) => JSON.parse(await readFile(join(dir, path), 'utf8')) as unknown,
    /** Every file of the folder with its text, without packages. */
    async all(): Promise<Record<string, string>> {
      const entries = await readdir(dir, { recursive: true, withFileTypes: true })
      const paths = entries
        .filter((entry) => entry.isFile() && !entry.parentPath.includes('node_modules'))
        .map((entry) => join(entry.parentPath, entry.name).slice(dir.length + 1))
      return Object.fromEntries(
        await Promise.all(
          paths.sort().map(async (path) => [path, await readFile(join(dir, path), 'utf8')] as const),
        ),
      )
    },
    [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true, maxRetries: 3 }),
  }
}

interface Result {
  name: string
  template: string | null
  honoApp: string | null
  files: { path: string; action: string; notes: string[] }[]
}

/** Runs `unmoor init` with a result in JSON. */
async function init(
  cwd: string,
  ...args: string[]
): Promise<Result & Pick<CommandResult, 'code' | 'stderr'> & { actions: Record<string, string> }> {
  const { code, stdout, stderr } = await runUnmoor(['init', ...args, '--reporter', 'json'], { cwd })
  const result = JSON.parse(stdout) as Result
  const actions = Object.fromEntries((result.files ?? []).map(({ path, action }) => [path, action]))
  return { ...result, code, stderr, actions }
}

/** What `npm init -y` of npm 11 writes. */
const NPM_INIT = `{
  "name": "shop",
  "version": "1.0.0",
  "main": "index.js",
  "scripts": {
    "test": "echo \\"Error: no test specified\\" && exit 1"
  },
  "license": "ISC",
  "type": "commonjs"
}
`

const HONO_APP = `import { Hono } from 'hono'
const app = new Hono()
app.get('/', (c) => c.text('from Hono'))
export default app
`

const runNode = (cwd: string, ...args: string[]): Promise<{ code: number | null; output: string }> =>
  new Promise((resolve) => {
    const child = spawn(process.execPath, args, { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => (output += text))
    child.on('close', (code) => resolve({ code, output }))
  })

const typecheck = (dir: string) => runNode(dir, join(checkout, 'node_modules/typescript/bin/tsc'), '-p', '.')

describe('unmoor init into an empty folder', () => {
  test('has the packages that the targets need, with the versions that unmoor is tested with', async () => {
    await using made = await folder()
    const own = JSON.parse(await readFile(join(checkout, 'package.json'), 'utf8')) as {
      version: string
      devDependencies: Record<string, string>
    }
    const tested = (name: string): string => `^${own.devDependencies[name]}`
    await init(made.dir, 'a', '--target', 'lambda,isolate', '--target', 'cloudflare', '--template', 'drizzle')
    expect(await made.json('a/package.json')).toMatchObject({
      name: 'a',
      scripts: {
        dev: 'unmoor dev --target lambda',
        build: 'unmoor build --target lambda --target isolate --target cloudflare',
      },
      dependencies: {
        'drizzle-orm': tested('drizzle-orm'),
        hono: tested('hono'),
        postgres: tested('postgres'),
        unmoor: `file:${checkout}`,
      },
      devDependencies: {
        '@electric-sql/pglite': tested('@electric-sql/pglite'),
        'isolated-vm': tested('isolated-vm'),
        wrangler: tested('wrangler'),
      },
      allowScripts: { esbuild: true, 'isolated-vm': true, workerd: true },
    })
    await init(made.dir, 'b')
    const plain = (await made.json('b/package.json')) as { devDependencies: object; allowScripts?: object }
    expect(Object.keys(plain.devDependencies)).toEqual(['@types/node', 'typescript', 'vitest'])
    expect(plain.allowScripts).toEqual({ esbuild: true })
  })

  test('a secret of a template is made for each project, and stays', async () => {
    await using made = await folder()
    await init(made.dir, 'a', '--template', 'auth')
    await init(made.dir, 'b', '--template', 'auth')
    const secrets = [await made.read('a/.env'), await made.read('b/.env')].map(
      (text) => /^AUTH_SECRET=([0-9a-f]{64})$/m.exec(text)?.[1],
    )
    expect(new Set(secrets).size).toBe(2)
    expect(secrets).not.toContain(undefined)
    expect(await made.read('a/.gitignore')).toMatch(/^\.env$/m)
    const again = await init(made.dir, 'a', '--template', 'auth', '--merge')
    expect(again).toMatchObject({ code: 0, actions: { '.env': 'kept' } })
    expect(await made.read('a/.env')).toContain(secrets[0])
  })

  test('--dry-run prints every file and writes nothing', async () => {
    await using made = await folder({ 'package.json': NPM_INIT })
    const before = await made.all()
    const dry = await runUnmoor(['init', '.', '--dry-run'], { cwd: made.dir })
    expect(dry.code).toBe(0)
    expect(dry.stdout).toContain('Would make shop in .:')
    expect(dry.stdout).toMatch(/^ {2}merged {2}package\.json$/m)
    expect(dry.stdout).toMatch(/^ {2}created src\/app\.ts$/m)
    expect(await made.all()).toEqual(before)
    const { files } = await init(made.dir, '.', '--dry-run')
    const real = await init(made.dir, '.')
    expect(real.files).toEqual(files)
    expect(Object.keys(await made.all())).toEqual(files.map(({ path }) => path).sort())
  })

  test('an unmoor that is from no registry is named by its path, and one that is there stays', async () => {
    await using made = await folder()
    const { stdout } = await runUnmoor(['init', 'a'], { cwd: made.dir })
    expect(stdout).toMatch(/\nNext:\n {2}cd a\n {2}npm install\n {2}npm run dev\n {2}npm test\n/)
    expect(stdout).toContain(`from no registry, so package.json has it from ${checkout}.`)
    await writeFile(join(made.dir, 'package.json'), '{ "dependencies": { "unmoor": "file:../unmoor.tgz" } }')
    const again = await runUnmoor(['init', '.', '--merge'], { cwd: made.dir })
    expect(again.stdout).not.toContain('registry')
    expect(await made.json('package.json')).toMatchObject({ dependencies: { unmoor: 'file:../unmoor.tgz' } })
  })

  test('for pnpm there is its list of install scripts, and the next steps name it', async () => {
    await using made = await folder()
    vi.stubEnv('npm_config_user_agent', 'pnpm/11.28.10 npm/? node/v26.10.0 linux x64')
    const { stdout } = await runUnmoor(['init', 'a', '--target', 'lambda'], { cwd: made.dir })
    vi.unstubAllEnvs()
    expect(stdout).toContain('\n  pnpm install\n  pnpm run dev\n  pnpm run test\n')
    const settings = 'allowBuilds:\n  classic-level: false\n  esbuild: true\n'
    expect(await made.read('a/pnpm-workspace.yaml')).toBe(settings)
  })

  test('the settings of a pnpm workspace stay, and what they need is told', async () => {
    await using made = await folder({
      'package.json': '{ "name": "a" }',
      'pnpm-lock.yaml': '',
      'pnpm-workspace.yaml': 'packages: [libs/*]\n',
    })
    const { code, files } = await init(made.dir, '.')
    expect(code).toBe(0)
    expect(files.find(({ path }) => path === 'pnpm-workspace.yaml')).toEqual({
      path: 'pnpm-workspace.yaml',
      action: 'kept',
      notes: ['add to its allowBuilds what is missing of: esbuild: true'],
    })
    expect(await made.read('pnpm-workspace.yaml')).toBe('packages: [libs/*]\n')
    vi.stubEnv('npm_config_user_agent', 'pnpm/11.28.10')
    const member = await init(made.dir, 'libs/b')
    vi.unstubAllEnvs()
    expect(Object.keys(member.actions)).not.toContain('pnpm-workspace.yaml')
  })
})

describe('unmoor init after npm init -y', () => {
  test('adds what is missing, changes no value, and the project runs', async () => {
    await using made = await folder({
      'package.json': NPM_INIT,
      '.gitignore': 'coverage',
      'README.md': 'Ours',
    })
    const { code, stderr, actions, name } = await init(made.dir, '.')
    expect({ code, stderr: stderr.includes('warning'), name }).toEqual({
      code: 0,
      stderr: false,
      name: 'shop',
    })
    expect(actions).toMatchObject({
      'package.json': 'merged',
      '.gitignore': 'merged',
      'README.md': 'kept',
      'src/app.ts': 'created',
      'unmoor.config.mts': 'created',
    })
    const before = JSON.parse(NPM_INIT) as { scripts: object }
    expect(await made.json('package.json')).toMatchObject(before)
    expect(await made.json('package.json')).toMatchObject({
      scripts: { ...before.scripts, dev: 'unmoor dev', 'unmoor:test': 'unmoor test --target node' },
    })
    expect(await made.read('.gitignore')).toMatch(/^coverage\nnode_modules\/\n\.unmoor\/\n/)
    expect(await made.read('README.md')).toBe('Ours')
    await linkPackages(made.dir)
    expect(await typecheck(made.dir)).toEqual({ code: 0, output: '' })
    const main = join(checkout, 'dist/core/tools/cli/main.js')
    expect(await runNode(made.dir, main, 'test', '--target', 'node')).toMatchObject({ code: 0 })
  })

  test('a second run finds nothing to do', async () => {
    await using made = await folder({ 'package.json': NPM_INIT })
    await init(made.dir, '.')
    const before = await made.all()
    const again = await init(made.dir, '.', '--merge')
    expect(again.code).toBe(0)
    expect(new Set(Object.values(again.actions))).toEqual(new Set(['kept']))
    expect(await made.all()).toEqual(before)
  })

  test('the form of package.json stays: tabs, no newline at the end, no type', async () => {
    await using made = await folder({ 'package.json': '{\n\t"name": "@us/Shop_2",\n\t"version": "1.0.0"\n}' })
    const { name } = await init(made.dir, '.')
    expect(name).toBe('shop-2')
    const text = await made.read('package.json')
    expect(text).toMatch(/^\{\n\t"name": "@us\/Shop_2",\n\t"version": "1\.0\.0",\n\t"scripts": \{\n\t\t"dev"/)
    expect(text).toMatch(/[^\n]$/)
    expect(JSON.parse(text)).not.toHaveProperty('type')
    expect(Object.keys(await made.all())).toContain('unmoor.config.ts')
    await linkPackages(made.dir)
    const built = await runUnmoor(['build', '--target', 'node'], { cwd: made.dir })
    expect(built).toMatchObject({ code: 0 })
  })

  test('files in the way are kept and named, and the exit code is 1', async () => {
    await using made = await folder({
      'package.json': '{ "name": "shop", "scripts": {} }',
      'src/app.ts': 'export const mine = 1\n',
      'unmoor.config.js': 'export default {}\n',
      test: 'a file where a folder should be',
    })
    const refused = await init(made.dir, '.')
    expect(refused.code).toBe(2)
    const kept = await init(made.dir, '.', '--merge', '--dry-run')
    expect(kept.code).toBe(1)
    expect(kept.actions).toMatchObject({
      'src/app.ts': 'kept',
      'unmoor.config.js': 'kept',
      'test/app.test.ts': 'kept',
      'tsconfig.json': 'created',
    })
    expect(kept.stderr).toMatch(
      /warning: src\/app\.ts, test\/app\.test\.ts, unmoor\.config\.js were in the way/,
    )
    expect((await init(made.dir, '.', '--merge')).code).toBe(1)
    expect(await made.all()).toMatchObject({
      'src/app.ts': 'export const mine = 1\n',
      'unmoor.config.js': 'export default {}\n',
      test: 'a file where a folder should be',
    })
  })
})

describe('unmoor init into an existing Hono project', () => {
  const manifest = (more: object = {}): string =>
    JSON.stringify({ name: 'site', type: 'module', dependencies: { hono: '^4.1.0' }, ...more })

  test.each([
    ['src/index.ts', HONO_APP, {}, "import app from './index'"],
    ['src/index.tsx', HONO_APP, { module: 'nodenext' }, "import app from './index.js'"],
    ['app.ts', HONO_APP, { allowImportingTsExtensions: true }, "import app from './app.ts'"],
    ['src/server.js', HONO_APP, {}, "import app from './server.js'"],
    [
      'src/app.ts',
      HONO_APP.replace('const app', 'export const app').replace('export default app', ''),
      {},
      "import { app } from './app'",
    ],
    [
      'src/index.ts',
      HONO_APP.replace('export default app', 'export default { port: 3000, fetch: app.fetch }'),
      {},
      "import app from './index'",
    ],
  ])('%s becomes the app, and is not touched (%#)', async (file, text, compilerOptions, line) => {
    const files = {
      'package.json': manifest(),
      'tsconfig.json': JSON.stringify({ compilerOptions }),
      [file]: text,
    }
    await using made = await folder(files)
    const { code, honoApp, actions } = await init(made.dir, '.', '--merge', '--target', 'node,isolate')
    expect({ code, honoApp }).toEqual({ code: 0, honoApp: file })
    const all = await made.all()
    expect(all).toMatchObject({ [file]: text, 'tsconfig.json': files['tsconfig.json'] })
    const wrapper = Object.keys(actions).find((path) => /(^|\/)unmoor\.(ts|js)$/.test(path)) as string
    expect(all[wrapper]).toContain(line)
    expect(await made.json('package.json')).toMatchObject({
      dependencies: { hono: '^4.1.0', unmoor: expect.any(String) },
      devDependencies: { 'isolated-vm': expect.any(String) },
    })
    await linkPackages(made.dir)
    const { code: built, stderr } = await runUnmoor(['build', '--target', 'node', '--target', 'isolate'], {
      cwd: made.dir,
    })
    expect({ built, stderr: stderr.includes('error') }).toEqual({ built: 0, stderr: false })
  })

  test('the app type checks with its wrapper, and a second run finds nothing to do', async () => {
    const { compilerOptions } = JSON.parse(
      await readFile(join(checkout, 'core/tools/create/templates/api/tsconfig.json'), 'utf8'),
    ) as { compilerOptions: object }
    await using made = await folder({
      'package.json': manifest(),
      'tsconfig.json': JSON.stringify({ compilerOptions, include: ['src', '*.ts'] }),
      'src/index.tsx': HONO_APP.replace("c.text('from Hono')", 'c.html(<p>from Hono</p>)'),
    })
    expect((await init(made.dir, '.', '--merge')).code).toBe(0)
    await linkPackages(made.dir)
    expect(await typecheck(made.dir)).toEqual({ code: 0, output: '' })
    const before = await made.all()
    const again = await init(made.dir, '.', '--merge')
    expect(again).toMatchObject({ code: 0, honoApp: 'src/index.tsx' })
    expect(new Set(Object.values(again.actions))).toEqual(new Set(['kept']))
    expect(await made.all()).toEqual(before)
  })

  test.each([
    [
      'a server that starts on import',
      {
        'src/index.ts': `import { serve } from '@hono/node-server'\nimport { Hono } from 'hono'\nconst app = new Hono()\nserve(app)\nexport default app\n`,
      },
      [],
      /src\/index\.ts starts a server .* Move the app into a module of its own/,
    ],
    [
      'no export',
      { 'src/index.ts': `import { Hono } from 'hono'\nnew Hono()\n` },
      [],
      /src\/index\.ts exports no Hono app\. Add "export default app"/,
    ],
    ['no entry', { 'src/other.ts': HONO_APP }, [], /no module of it imports Hono .* --entry src\/my-app\.ts/],
    [
      'a wrong entry',
      { 'src/index.ts': HONO_APP },
      ['--entry', 'src/x.ts'],
      /no file .*src\/x\.ts\. Correct --entry/,
    ],
    [
      'a Worker',
      { 'src/index.ts': HONO_APP, 'wrangler.jsonc': '{ "name": "w", "main": "src/index.ts" }' },
      [],
      /it is a Cloudflare Worker.* unmoor init --from-worker wrangler\.jsonc/,
    ],
    ['a template', { 'src/index.ts': HONO_APP }, ['--template', 'api'], /leave out --template/],
  ])('%s is refused, and nothing is written', async (_name, files, args, message) => {
    await using made = await folder({ 'package.json': manifest(), ...files })
    const before = await made.all()
    const { code, stderr } = await runUnmoor(['init', '.', '--merge', ...args], { cwd: made.dir })
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) })
    expect(await made.all()).toEqual(before)
  })

  test('--entry names a module elsewhere', async () => {
    await using made = await folder({ 'package.json': manifest(), 'web/api.ts': HONO_APP })
    const { code, actions } = await init(made.dir, '.', '--merge', '--entry', 'web/api.ts')
    expect({ code, actions }).toMatchObject({ code: 0, actions: { 'web/unmoor.ts': 'created' } })
  })
})

describe('wrong use of unmoor init', () => {
  test.each([
    [
      ['new', '--template', 'drizle'],
      /no template "drizle"\. Did you mean "drizzle"\? Templates: api, worker,/,
    ],
    [
      ['new', '--template', 'next'],
      /no template "next"\. Templates: api, worker, drizzle, auth, chat, react\./,
    ],
    [['new', '--target', 'node,lamda'], /no target "lamda"\. Did you mean "lambda"\? Targets: node,/],
    [['new', '--target', 'node,'], /no target ""/],
    [['new', '--name', 'Shop App'], /"Shop App" is no name for an app: .* Give one with --name/],
    [['package.json'], /package\.json is a file\. Name a new folder/],
    [['.'], /is not empty \(lib\)\. .* --merge .* --dry-run.* unmoor init my-app/],
    [
      ['new', '--entry', 'lib/a.ts'],
      /--entry names the Hono app of a project that is there: use it with --merge/,
    ],
    [['new', '--env', 'staging'], /--env is for --from-worker/],
    [['--from-worker', 'wrangler.jsonc', '--template', 'api'], /leave out the folder and all other options/],
  ])('%j ends with exit code 2 and writes nothing', async (args, message) => {
    await using made = await folder({ 'package.json': '{}', 'lib/a.ts': '' })
    const before = await made.all()
    const { code, stdout, stderr } = await runUnmoor(['init', ...args], { cwd: made.dir })
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/\n\s+at /)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(await made.all()).toEqual(before)
  })

  test.each([
    ['{ "name": ', /package\.json cannot be merged: .* Correct it, and run this again/],
    ['[]', /package\.json cannot be merged: it is no JSON object/],
    ['{ "scripts": "none" }', /package\.json cannot be merged: "scripts" is no object/],
  ])('a package.json of %j is named, and nothing is written', async (text, message) => {
    await using made = await folder({ 'package.json': text })
    const { code, stderr } = await runUnmoor(['init', '.'], { cwd: made.dir })
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(message) })
    expect(await made.all()).toEqual({ 'package.json': text })
  })

  test('a folder that may not be written is named, exit code 1', async () => {
    await using made = await folder()
    await chmod(made.dir, 0o555)
    // Permissions do not stop root, so the command runs as nobody.
    const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
    const child = spawn(
      process.execPath,
      [join(checkout, 'dist/core/tools/cli/main.js'), 'init', join(made.dir, 'my-app')],
      { cwd: '/', stdio: ['ignore', 'pipe', 'pipe'], ...nobody },
    )
    let stderr = ''
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    const code = await new Promise((resolve) => child.on('close', resolve))
    await chmod(made.dir, 0o755)
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /my-app\/package\.json cannot be written: this user may not write there\./,
      ),
    })
    expect(await readdir(made.dir)).toEqual([])
  })
})
