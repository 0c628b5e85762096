import { readdir, readFile, stat } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { Script } from 'node:vm'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import isolate from '../../adapters/isolate/index.ts'
import { checkOptions } from '../../adapters/isolate/build/check-options.ts'
import { buildApp, type BuiltApp } from '../../core/tools/build/build.ts'
import { tempProject, type TempProject } from './temp-project.ts'

let project: TempProject
let built: BuiltApp
beforeAll(async () => {
  project = await tempProject({
    'src/app.ts': `import { assets, defineApp, defineBindings, kv } from 'unmoor'\nexport default defineApp({ bindings: defineBindings({ kv: kv(), site: assets({ directory: './public' }) }), fetch: async () => new Response('MARKER') })`,
    'src/als.ts': `import { AsyncLocalStorage } from 'node:async_hooks'\nimport { defineApp } from 'unmoor'\nconst store = new AsyncLocalStorage()\nexport default defineApp({ fetch: async () => new Response(await store.getStore()) })`,
    'src/named.ts': `import { defineApp } from 'unmoor'\nconst name = 'node:url'\nexport default defineApp({ fetch: async () => Response.json([await import(/* @vite-ignore */ 'node:querystring'), await import(/* @vite-ignore */ name), process.getBuiltinModule('string_decoder'), 'text import( )']) })`,
    'public/a.txt': 'a',
  })
  built = await buildApp({ projectDir: project.dir, target: 'isolate', adapter: isolate })
})
afterAll(() => project[Symbol.asyncDispose]())

const text = (file: string): Promise<string> => readFile(join(built.outDir, file), 'utf8')

describe('the artifact', () => {
  it('has the host half, the two scripts, assets and what a deployment needs', async () => {
    expect((await readdir(built.outDir)).toSorted()).toEqual([
      '.dockerignore',
      'Dockerfile',
      'app.js',
      'app.js.map',
      'assets',
      'package.json',
      'server.mjs',
      'server.mjs.map',
      'unmoor.json',
      'web-api.js',
    ])
    expect(await readdir(join(built.outDir, 'assets'))).toEqual(['a.txt'])
    const manifest = JSON.parse(await text('package.json')) as {
      dependencies: object
      scripts: { start: string }
    }
    const installed = JSON.parse(await readFile('node_modules/isolated-vm/package.json', 'utf8')) as {
      version: string
    }
    expect(manifest.dependencies).toEqual({ 'isolated-vm': installed.version })
    expect(await text('Dockerfile')).toContain('CMD ["node", "--no-node-snapshot", "server.mjs"]')
  })

  it('has the app in the guest only', async () => {
    expect(await text('app.js')).toContain('MARKER')
    expect(await text('server.mjs')).not.toContain('MARKER')
    expect(await text('web-api.js')).not.toContain('MARKER')
  })

  it('imports nothing but node and isolated-vm on the host, and nothing at all in the guest', async () => {
    const imports = [...(await text('server.mjs')).matchAll(/(?:from|import)\s*["']([^"']+)["']/g)].map(
      (match) => match[1] as string,
    )
    expect(
      imports.filter(
        (name) => !builtinModules.includes(name.replace(/^node:/, '')) && name !== 'node:sqlite',
      ),
    ).toEqual([])
    // A script with an import or an export does not compile.
    expect(new Script(await text('web-api.js'))).toBeInstanceOf(Script)
    expect(await text('app.js')).not.toMatch(/\bimport\s*[\w{*"'(]|\brequire\(/)
  })

  it('has the built-ins that it asks for by name, and nobody to ask by import()', async () => {
    const { outDir } = await buildApp({
      projectDir: project.dir,
      target: 'isolate',
      adapter: isolate,
      config: { name: 'named', entry: 'src/named.ts' },
      outDir: '.unmoor/named',
    })
    const code = await readFile(join(outDir, 'app.js'), 'utf8')
    expect(code).toMatch(/\$built\(.node:querystring.\)/)
    expect(code).toMatch(/\$built\(.node:url.\)/)
    expect(code).toMatch(/[`'"]?querystring[`'"]?:\(?\)?=>/)
    expect(code).toMatch(/string_decoder[`'"]?:\(?\)?=>/)
    expect(code).toContain('text import( )')
    expect(code).not.toMatch(/\bimport\s*\(\s*[`'"\w]/)
  })

  it('is small: the web API stays under 160 KB, a start compiles what it uses', async () => {
    expect((await stat(join(built.outDir, 'web-api.js'))).size).toBeLessThan(160_000)
  })
})

describe('async functions', () => {
  it('are lowered where the app imports node:async_hooks, and only there', async () => {
    expect(await text('app.js')).toMatch(/\basync\b/)
    const other = await buildApp({
      projectDir: project.dir,
      target: 'isolate',
      adapter: isolate,
      config: { name: 'als', entry: 'src/als.ts' },
      outDir: '.unmoor/als',
    })
    const lowered = await readFile(join(other.outDir, 'app.js'), 'utf8')
    expect(lowered).not.toMatch(/\basync\s*(?:function|\(|\w+\s*=>)/)
    expect(lowered).toContain('function*')
  })
})

describe('options', () => {
  it('are taken as they are when right', () => {
    const options = {
      memoryMb: 64,
      cpuMs: 50,
      wallTimeout: 5,
      startup: 'snapshot',
      trustProxy: true,
      cronOverlap: 'skip',
    }
    expect(checkOptions(options)).toEqual(options)
  })

  it('are refused by name when wrong, with what they take', () => {
    expect(() => checkOptions({ memoryMb: 8 })).toThrow(
      'targets.isolate.options.memoryMb is 8; it takes a number of MB from 16.',
    )
    expect(() => checkOptions({ cpuMs: Number.NaN })).toThrow(
      'cpuMs is null; it takes a number of milliseconds',
    )
    expect(() => checkOptions({ trustProxy: 'yes' })).toThrow(
      'trustProxy is "yes"; it takes true, false, a number of proxies or a list',
    )
    expect(() => checkOptions({ cpu: 5 })).toThrow(
      'cpu: the target "isolate" has no such option. Did you mean "cpuMs"? It has: memoryMb,',
    )
  })
})
