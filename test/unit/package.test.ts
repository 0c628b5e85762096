import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it } from 'vitest'

// The package as a user gets it: packed, installed into an empty project, imported there.
const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const env = { ...process.env, npm_config_update_notifier: 'false' }
let dir: string
let tarball: string

beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'unmoor-package-'))
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', dir], {
      cwd: root,
      env,
      encoding: 'utf8',
    }),
  ) as [{ filename: string }]
  tarball = join(dir, packed.filename)
  writeFileSync(join(dir, 'package.json'), JSON.stringify({ name: 'empty', private: true, type: 'module' }))
  // Optional peers stay out: the core must work without a single one of them.
  execFileSync('npm', ['install', '--omit=peer', '--prefer-offline', '--no-audit', '--no-fund', tarball], {
    cwd: dir,
    env,
    stdio: 'pipe',
  })
})

afterAll(() => rmSync(dir, { recursive: true, force: true }))

it('imports every public name of the core in an empty project', () => {
  const script = `
    const { defineApp, defineBindings, kv } = await import('unmoor')
    const app = defineApp({ bindings: defineBindings({ links: kv() }), fetch: () => new Response('ok') })
    const names = ['unmoor/runtime', 'unmoor/adapter', 'unmoor/from-lambda', 'unmoor/test-channel', 'unmoor/node', 'unmoor/cloudflare', 'unmoor/lambda', 'unmoor/isolate', 'unmoor/conformance', 'unmoor/testing', 'unmoor/drivers/sqlite']
    for (const name of names) await import(name)
    console.log(Object.keys(app.bindings).join())`
  expect(
    execFileSync(process.execPath, ['--input-type=module', '-e', script], {
      cwd: dir,
      encoding: 'utf8',
    }).trim(),
  ).toBe('links')
})

it('installs the command', () => {
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
  expect(
    execFileSync(join(dir, 'node_modules/.bin/unmoor'), ['--version'], {
      cwd: dir,
      encoding: 'utf8',
      env: { ...env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
    }).trim(),
  ).toBe(version)
})

it('makes a project, builds it, and its artifact answers by itself', async () => {
  const app = join(dir, 'app')
  const run = (...args: string[]): string =>
    execFileSync(process.execPath, [join(dir, 'node_modules/unmoor/dist/core/tools/cli/main.js'), ...args], {
      cwd: dir,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  run('init', app)
  // The app's own dependency comes from this checkout; the package under test is found in the folder above.
  mkdirSync(join(app, 'node_modules'))
  symlinkSync(join(root, 'node_modules/hono'), join(app, 'node_modules/hono'))
  run('build', '--target', 'node', '--project', app)
  const artifact = join(dir, 'artifact')
  renameSync(join(app, '.unmoor/node'), artifact)
  const server = spawn(process.execPath, [join(artifact, 'server.mjs')], {
    cwd: artifact,
    env: { PATH: process.env['PATH'], PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const url = await new Promise<string>((resolve) => {
      server.stdout.on('data', (data: Buffer) => {
        const found = /http:\/\/\S+/.exec(data.toString())
        if (found !== null) resolve(found[0])
      })
    })
    expect((await fetch(url)).status).toBeLessThan(500)
  } finally {
    server.kill()
    await once(server, 'exit')
  }
})

it('create-unmoor makes a project of any template by the same code, and says where unmoor is from', () => {
  const folder = join(root, 'core/tools/create/create-unmoor')
  const read = (file: string): { version: string; dependencies: Record<string, string>; engines: object } =>
    JSON.parse(readFileSync(file, 'utf8')) as ReturnType<typeof read>
  const own = read(join(root, 'package.json'))
  const creator = read(join(folder, 'package.json'))
  expect(creator).toMatchObject({
    version: own.version,
    dependencies: { unmoor: own.version },
    engines: own.engines,
  })
  const npm = (...args: string[]): string =>
    execFileSync('npm', args, { cwd: dir, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
  const [packed] = JSON.parse(npm('pack', folder, '--json', '--pack-destination', dir)) as [
    { filename: string; files: { path: string }[] },
  ]
  expect(packed.files.map(({ path }) => path).sort()).toEqual(['README.md', 'main.js', 'package.json'])
  // Offline: the unmoor that create-unmoor depends on is the one that is installed, of the same version.
  npm('install', '--offline', '--omit=peer', '--no-audit', '--no-fund', join(dir, packed.filename))
  const create = (...args: string[]): string =>
    execFileSync(join(dir, 'node_modules/.bin/create-unmoor'), args, {
      cwd: dir,
      encoding: 'utf8',
      env: { ...env, PATH: `${dirname(process.execPath)}:${process.env['PATH']}` },
    })
  expect(create('--help')).toContain('Usage: unmoor init')
  for (const template of ['api', 'worker', 'drizzle', 'auth', 'chat', 'react']) {
    const printed = create(`an-${template}`, '--template', template, '--target', 'node,isolate')
    expect(printed).toContain(`from no registry, so package.json has it from ${tarball}.`)
    const made = JSON.parse(readFileSync(join(dir, `an-${template}`, 'package.json'), 'utf8')) as object
    expect(made).toMatchObject({
      name: `an-${template}`,
      dependencies: { unmoor: `file:${tarball}` },
      devDependencies: { 'isolated-vm': expect.any(String) },
    })
    expect(readFileSync(join(dir, `an-${template}`, '.gitignore'), 'utf8')).toContain('node_modules/')
  }
})
