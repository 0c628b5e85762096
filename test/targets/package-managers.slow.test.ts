/** The packed package, installed by npm and by pnpm from their registry: does it find wrangler's workerd? */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadMiniflare } from '../../adapters/cloudflare/local/miniflare.ts'
import { checkout } from '../unit/temp-project.ts'

const run = promisify(execFile)
let scratch: string
beforeAll(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), 'unmoor-package-managers-')))
})
afterAll(() => rm(scratch, { recursive: true, force: true, maxRetries: 3 }))

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
