import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadMiniflare, OLDEST_WRANGLER } from '../../adapters/cloudflare/local/miniflare.ts'
import { checkout } from './temp-project.ts'

const run = promisify(execFile)
let scratch: string
beforeAll(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), 'unmoor-miniflare-')))
})
afterAll(() => rm(scratch, { recursive: true, force: true, maxRetries: 3 }))

/**
 * Packages in `folder`/node_modules, each with a version; a `miniflare` is one that says where it was loaded
 * from.
 */
async function packages(folder: string, versions: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, version] of Object.entries(versions)) {
    const dir = join(scratch, folder, 'node_modules', name)
    await mkdir(dir, { recursive: true })
    await writeFile(join(dir, 'package.json'), JSON.stringify({ name, version, main: 'index.js' }))
    await writeFile(join(dir, 'index.js'), 'exports.from = __filename')
  }
  return join(scratch, folder, '/')
}

describe('the Miniflare of wrangler', () => {
  it('is the one of this checkout, with its workerd, as the versions say', () => {
    const require = createRequire(createRequire(import.meta.url).resolve('wrangler/package.json'))
    const { miniflare, versions } = loadMiniflare()
    expect(miniflare).toBe(require('miniflare'))
    expect(versions.miniflare).toBe((require('miniflare/package.json') as { version: string }).version)
    expect(versions.workerd).toMatch(/^1\.\d{8}\.\d+$/)
  })

  it('is the one below wrangler where another one lies beside it (npm, nested)', async () => {
    const place = await packages('nested', {
      wrangler: '4.170.0',
      miniflare: '4.20260730.0',
      workerd: '1.20260730.1',
    })
    await packages('nested/node_modules/wrangler', { miniflare: '5.20261117.0-beta' })
    await packages('nested/node_modules/wrangler/node_modules/miniflare', { workerd: '1.20261117.1' })
    const { miniflare, versions } = loadMiniflare([place])
    expect(versions).toEqual({ wrangler: '4.170.0', miniflare: '5.20261117.0-beta', workerd: '1.20261117.1' })
    expect(miniflare).toEqual({
      from: join(scratch, 'nested/node_modules/wrangler/node_modules/miniflare/index.js'),
    })
  })

  it('is found from the second place where the first has no wrangler', async () => {
    const empty = await packages('empty', {})
    const place = await packages('hoisted', {
      wrangler: OLDEST_WRANGLER,
      miniflare: '5.20261006.2-beta',
      workerd: '1.20261006.1',
    })
    expect(loadMiniflare([empty, place]).versions.wrangler).toBe(OLDEST_WRANGLER)
  })

  it('no wrangler: the error says what to install', async () => {
    const place = await packages('none', { miniflare: '5.20261117.0-beta' })
    expect(() => loadMiniflare([place])).toThrow(
      expect.objectContaining({
        code: 'Unavailable',
        message: expect.stringContaining('npm install --save-dev wrangler@^4.150.0'),
      }),
    )
  })

  it.each([
    ['4.116.0', '4.20260730.0', 'needs wrangler 4.150.0 or later, with Miniflare 5'],
    ['4.149.9', '5.20261001.0-alpha', 'needs wrangler 4.150.0 or later'],
    ['3.114.17', '3.20250718.3', 'needs wrangler 4.150.0 or later'],
    ['6.0.0', '6.20270101.0', 'knows Miniflare 5 alone'],
  ])('wrangler %s with Miniflare %s: the error names both versions', async (wrangler, miniflare, message) => {
    const place = await packages(`old-${wrangler}`, { wrangler, miniflare, workerd: '1.0.0' })
    const named = `is wrangler ${wrangler}, with Miniflare ${miniflare}`
    expect(() => loadMiniflare([place])).toThrow(
      expect.objectContaining({ code: 'Unavailable', message: expect.stringContaining(named) }),
    )
    expect(() => loadMiniflare([place])).toThrow(message)
  })

  it('wrangler without its own dependencies: the error names what is missing', async () => {
    const place = await packages('broken', { wrangler: '4.170.0' })
    expect(() => loadMiniflare([place])).toThrow('is installed without its dependency miniflare')
  })

  it('the peer range of the package begins at the oldest wrangler that is accepted', () => {
    const { peerDependencies } = createRequire(import.meta.url)('../../package.json') as {
      peerDependencies: Record<string, string>
    }
    expect(peerDependencies['wrangler']).toBe(`^${OLDEST_WRANGLER}`)
  })
})

describe('an app on a real package manager', () => {
  const PNPM = 'pnpm@11.28.10'
  const environment = (home: string): NodeJS.ProcessEnv => ({
    ...process.env,
    HOME: home,
    XDG_DATA_HOME: home,
    npm_config_update_notifier: 'false',
    CI: 'true',
  })

  it.each([
    ['npm', ['npm', 'install', '--no-audit', '--no-fund', '--ignore-scripts', '--prefer-offline']],
    [
      'pnpm, whose node_modules are isolated',
      [
        'npx',
        '--yes',
        PNPM,
        'install',
        '--ignore-scripts',
        '--prefer-offline',
        '--config.auto-install-peers=false',
      ],
    ],
  ])(
    '%s: unmoor, packed, starts the app in the workerd that wrangler brought',
    async (name, [command, ...args]) => {
      const dir = join(scratch, name.split(',')[0] as string)
      await mkdir(join(dir, 'src'), { recursive: true })
      const { stdout } = await run(
        'npm',
        ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch],
        { cwd: checkout },
      )
      const [{ filename }] = JSON.parse(stdout) as [{ filename: string }]
      const { version } = createRequire(import.meta.url)('wrangler/package.json') as { version: string }
      const manifest = {
        name: 'app',
        private: true,
        type: 'module',
        dependencies: { unmoor: `file:${join(scratch, filename)}` },
        devDependencies: { wrangler: version },
      }
      await writeFile(join(dir, 'package.json'), JSON.stringify(manifest))
      await writeFile(
        join(dir, 'src/app.ts'),
        `import { defineApp } from 'unmoor'\nexport default defineApp({ fetch: () => new Response('from workerd') })\n`,
      )
      await run(command as string, args, { cwd: dir, env: environment(process.env['HOME'] ?? dir) })
      // What this is about: pnpm keeps Miniflare out of the reach of everybody but wrangler.
      expect(existsSync(join(dir, 'node_modules/miniflare'))).toBe(name === 'npm')
      const script = `
        import { buildApp } from 'unmoor/build'
        const log = { info() {}, warn() {} }
        const { adapter, info, outDir } = await buildApp({ projectDir: ${JSON.stringify(dir)}, target: 'cloudflare' })
        const running = await adapter.start({ dir: outDir, info, dataDir: ${JSON.stringify(join(dir, 'data'))}, port: 0, variables: {}, log })
        console.log(running.runtime, await (await fetch(running.url)).text())
        await running.stop()`
      const file = join(dir, 'run.mjs')
      await writeFile(file, script)
      // Started elsewhere than in the project, so that only the package's own place counts.
      const answer = await run(process.execPath, ['--no-warnings', file], { cwd: tmpdir() })
      expect(answer.stdout.trim()).toBe(`workerd ${loadMiniflare().versions.workerd} from workerd`)
    },
    300_000,
  )
})
