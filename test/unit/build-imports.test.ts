import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { buildApp } from '../../core/tools/build/build.ts'
import { appSource, bareAdapter, tempProject, type TempProject } from './temp-project.ts'

const build = async (
  project: TempProject,
  adapter = bareAdapter(),
  warnings: string[] = [],
): Promise<string> => {
  const { outDir } = await buildApp({
    projectDir: project.dir,
    target: 'bare',
    adapter,
    log: { info() {}, warn: (message) => void warnings.push(message) },
  })
  return readFile(join(outDir, 'app.mjs'), 'utf8')
}

const dependency = (name: string, code: string): Record<string, string> => ({
  [`node_modules/${name}/package.json`]: JSON.stringify({
    name,
    version: '1.0.0',
    type: 'module',
    exports: './index.js',
  }),
  [`node_modules/${name}/index.js`]: code,
})

describe('Node built-ins that the target lacks', () => {
  test('are refused with file, line, column and the chain of imports, all at once', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ before: `import './lib.ts'` }),
      'src/lib.ts': `type Unused = 1\n\n  import { readFileSync } from 'node:fs'\nimport os from 'os'\nconsole.log(readFileSync, os)\n`,
    })
    await expect(build(project)).rejects.toMatchObject({
      code: 'Unsupported',
      message: expect.stringMatching(
        /target "bare"[^]*src\/lib\.ts:3:32 imports "node:fs" \(src\/app\.ts -> src\/lib\.ts\)[^]*src\/lib\.ts:4:16 imports "os"[^]*Use the web API or a binding/,
      ),
    })
  })

  test('are a warning and stand-ins in dependencies, import and require: what uses one throws', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({
        before: `import { EOL, cpus, Sub, os, isOs, tried } from 'dep'\nglobalThis.os = { EOL, cpus, Sub, os, isOs, tried }`,
      }),
      ...dependency(
        'dep',
        `import { cpus, EOL } from 'node:os'
import { Agent } from 'node:http'
import os from 'os'
import tried from 'old'
class Sub extends Agent {}
const isOs = {} instanceof Agent
export { EOL, cpus, Sub, os, isOs, tried }`,
      ),
      'node_modules/old/package.json': '{ "name": "old", "main": "index.cjs" }',
      'node_modules/old/index.cjs': `const os = require('os')
let fs
try { fs = require('fs') } catch (error) { fs = error.code }
module.exports = { os, fs }`,
    })
    const warnings: string[] = []
    await build(project, bareAdapter(), warnings)
    expect(warnings).toEqual([
      expect.stringMatching(
        /^node_modules\/dep\/index\.js:2:\d+ imports "node:http" \(src\/app\.ts -> .*throws Unsupported when it is reached\. So do "node:os", "os"\.$/,
      ),
      expect.stringMatching(/^node_modules\/old\/index\.cjs:3:\d+ imports "fs" .*the import fails/),
      expect.stringMatching(/^node_modules\/old\/index\.cjs:1:\d+ imports "os" /),
    ])
    await import(/* @vite-ignore */ join(project.dir, '.unmoor/bare/app.mjs'))
    // oxlint-disable-next-line typescript/no-explicit-any -- what a package made of stand-ins
    const { os } = globalThis as unknown as { os: any }
    expect(os.isOs).toBe(false)
    expect(os.tried.fs).toBe('MODULE_NOT_FOUND')
    // Data is there, as packages read it while they load.
    expect([os.EOL, os.os.EOL, os.tried.os.constants.signals.SIGTERM]).toEqual(['\n', '\n', 15])
    // So are the name and the length of a function, which packages read to wrap it.
    expect([os.cpus.name, os.cpus.length]).toEqual(['cpus', 0])
    for (const use of [
      () => os.cpus(),
      () => `${os.os.hostname}`,
      () => new os.Sub(),
      () => os.os.promises.readFile('x'),
      () => os.tried.os.platform(),
    ])
      expect(use).toThrow(
        expect.objectContaining({
          code: 'Unsupported',
          message: expect.stringMatching(/The target "bare" has no node:(?:os|http)/),
        }),
      )
  })

  test('are refused where a client that is nothing without sockets imports them, with the binding to use', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ before: `import { connect } from 'pg'\nglobalThis.connect = connect` }),
      ...dependency('pg', `import net from 'node:net'\nexport const connect = () => net.connect(1)`),
    })
    await expect(build(project)).rejects.toMatchObject({
      code: 'Unsupported',
      message: expect.stringMatching(
        /node_modules\/pg\/index\.js:1:\d+ imports "node:net" .*pg connects by TCP; the binding sql\(\)/,
      ),
    })
  })

  test('are refused where an SDK that sends by them alone imports them, with one that sends by fetch', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ before: `import { init } from '@sentry/node'\nglobalThis.init = init` }),
      ...dependency(
        '@sentry/node',
        `import { cpus } from 'node:os'\nimport http from 'node:http'\nexport const init = () => [cpus(), new http.Agent()]`,
      ),
    })
    await expect(build(project)).rejects.toMatchObject({
      code: 'Unsupported',
      message: expect.stringMatching(
        /index\.js:2:\d+ imports "node:http" .*@sentry\/node sends by Node's HTTP; .*@sentry\/cloudflare\n/,
      ),
    })
    expect(await build(project, bareAdapter({ nodeBuiltins: ['http'] }))).toContain('node:http')
  })

  test('are taken where the adapter lists them', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ before: `import { Buffer } from 'buffer'\nconsole.log(Buffer)` }),
    })
    expect(await build(project, bareAdapter({ nodeBuiltins: ['buffer'] }))).toContain('node:buffer')
    expect(await build(project, bareAdapter({ nodeBuiltins: 'all' }))).toContain('node:buffer')
    await expect(build(project)).rejects.toMatchObject({ code: 'Unsupported' })
  })

  test('become imports where a CommonJS dependency requires them: not every runtime has require', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ before: `import { kind } from 'dep'\nglobalThis.kind = kind` }),
      'node_modules/dep/package.json': '{ "name": "dep", "main": "index.js" }',
      'node_modules/dep/index.js': `const Emitter = require('events')\nexports.kind = typeof new Emitter().on`,
    })
    expect(await build(project, bareAdapter({ nodeBuiltins: ['events'] }))).toContain('node:events')
    await import(/* @vite-ignore */ join(project.dir, '.unmoor/bare/app.mjs'))
    expect((globalThis as { kind?: string }).kind).toBe('function')
  })

  test('are no matter where the app does not use the part that has them', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ before: `import { used } from 'dep'\nconsole.log(used)` }),
      ...dependency(
        'dep',
        `import { readFileSync } from 'node:fs'\nexport const unused = () => readFileSync('x')\nexport const used = 'yes'`,
      ),
    })
    expect(await build(project)).not.toContain('node:fs')
  })

  test('yield to a package of the same name', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ before: `import { once } from 'events'\nconsole.log(once)` }),
      ...dependency('events', `export const once = 'the package'`),
    })
    expect(await build(project)).toContain('the package')
  })

  test('are a warning where a dependency imports them on demand', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ before: `import { load } from 'dep'\nglobalThis.load = load` }),
      ...dependency('dep', `export const load = async () => (await import('node:fs')).readFileSync`),
    })
    const warnings: string[] = []
    await build(project, bareAdapter(), warnings)
    expect(warnings).toEqual([
      expect.stringMatching(/node_modules\/dep\/index\.js:1:47 imports "node:fs".*when it is reached/),
    ])
  })
})

describe('other imports', () => {
  test.each([
    [
      'a package that is not installed',
      `import x from '@scope/not-there/sub'\nconsole.log(x)`,
      'InvalidArgument',
      /src\/app\.ts:1:15 imports "@scope\/not-there\/sub".*npm install @scope\/not-there/,
    ],
    [
      "one platform's own module",
      `import { env } from 'cloudflare:workers'\nconsole.log(env)`,
      'InvalidArgument',
      /src\/app\.ts:1:21 imports "cloudflare:workers".*belong to one platform/,
    ],
    ['a file that is not there', `import './nothing.ts'`, 'InvalidArgument', /nothing\.ts/],
    [
      'a name that unmoor does not export',
      `import 'unmoor/nothing'`,
      'NotFound',
      /"unmoor\/nothing" is not exported by unmoor/,
    ],
    ['a syntax error', `const a = 1 +* 1`, 'InvalidArgument', /src\/app\.ts:1:14/],
  ])('%s is named', async (_name, before, code, message) => {
    await using project = await tempProject({ 'src/app.ts': appSource({ before }) })
    await expect(build(project)).rejects.toMatchObject({ code, message: expect.stringMatching(message) })
  })

  test('what is tried for by a name that is put together is seen to be tried for', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({ before: `import tried from 'dep'\nglobalThis.tried = tried` }),
      'node_modules/dep/package.json': '{ "name": "dep", "main": "index.js" }',
      'node_modules/dep/index.js': `exports.found = true
try { const NOTHING = ''; require(\`not-there\${NOTHING}\`) } catch { exports.found = false }`,
    })
    const warnings: string[] = []
    await build(project, bareAdapter(), warnings)
    expect(warnings).toEqual([
      expect.stringMatching(/dep\/index\.js:2:\d+ imports "not-there".*not installed/),
    ])
    await import(/* @vite-ignore */ join(project.dir, '.unmoor/bare/app.mjs'))
    expect((globalThis as unknown as { tried: { found: boolean } }).tried.found).toBe(false)
  })

  test('what is tried for need not be there: it fails when reached, each time, and is a warning', async () => {
    await using project = await tempProject({
      'src/app.ts': appSource({
        before: `import tried from 'dep'
const late = () => import('also-not-there').then((m) => m.default).catch((error) => error.code)
const both = () => import('also-not-there').then(() => 'there', () => 'not there')
let awaited = 'there'
try { await import('nor-this') } catch { awaited = 'not there' }
globalThis.tried = { ...tried, late, both, awaited }`,
      }),
      'node_modules/dep/package.json': '{ "name": "dep", "main": "index.js" }',
      'node_modules/dep/index.js': `const codes = []
for (let round = 0; round < 3; round++) try { require('not-there') } catch (error) { codes.push(error.code) }
exports.codes = codes
exports.onDemand = () => require('on-demand/sub')`,
    })
    const warnings: string[] = []
    await build(project, bareAdapter(), warnings)
    expect(warnings).toEqual([
      expect.stringMatching(
        /imports "not-there".*is not installed.*when it is reached\. So do "on-demand\/sub"\.$/,
      ),
      expect.stringMatching(
        /^src\/app\.ts:\d+:\d+ imports "also-not-there".*is not installed.*So do "nor-this"\.$/,
      ),
    ])
    await import(/* @vite-ignore */ join(project.dir, '.unmoor/bare/app.mjs'))
    // oxlint-disable-next-line typescript/no-explicit-any -- what the app put there
    const { tried } = globalThis as unknown as { tried: any }
    expect(tried.codes).toEqual(['MODULE_NOT_FOUND', 'MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'])
    expect(await tried.late()).toBe('ERR_MODULE_NOT_FOUND')
    expect(await tried.both()).toBe('not there')
    expect(tried.awaited).toBe('not there')
    expect(tried.onDemand).toThrow(/Cannot find module 'on-demand\/sub'/)
  })

  test.each([
    [
      'at the top of a package',
      dependency('dep', `import x from 'not-there'\nexport default x`),
      `import dep from 'dep'\nconsole.log(dep)`,
    ],
    [
      'in a try without a catch',
      {},
      `globalThis.f = async () => { try { await import('not-there') } finally { console.log(1) } }`,
    ],
    ["in the app's own import()", {}, `globalThis.f = () => import('not-there')`],
  ])('a package that is not there is refused by name %s', async (_name, files, before) => {
    await using project = await tempProject({ ...files, 'src/app.ts': appSource({ before }) })
    await expect(build(project)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringMatching(/imports "not-there".*npm install not-there/),
    })
  })

  test('a .wasm import gives a module', async () => {
    // (module (func (export "answer") (result i32) i32.const 42))
    const wasm = Buffer.from('AGFzbQEAAAABBQFgAAF/AwIBAAcKAQZhbnN3ZXIAAAoGAQQAQSoL', 'base64')
    await using project = await tempProject({
      'src/app.ts': appSource({
        before: `import answer from './answer.wasm'\nglobalThis.answer = new WebAssembly.Instance(answer).exports.answer()`,
      }),
    })
    await writeFile(join(project.dir, 'src/answer.wasm'), wasm)
    expect(await build(project)).toContain(wasm.toString('base64'))
    const { outDir } = await buildApp({ projectDir: project.dir, target: 'bare', adapter: bareAdapter() })
    await import(/* @vite-ignore */ join(outDir, 'app.mjs'))
    expect((globalThis as { answer?: number }).answer).toBe(42)
    let files: string[] = []
    const kept = bareAdapter({
      async build(context) {
        files = (
          await context.bundle({ entry: `export { default } from '#app'`, file: 'app.mjs', wasm: 'module' })
        ).files
      },
    })
    const code = await build(project, kept)
    const name = files.find((file) => file.endsWith('.wasm')) as string
    expect(code).toContain(`"./${name}"`)
    expect(await readFile(join(project.dir, '.unmoor/bare', name))).toEqual(wasm)
  })
})
