/**
 * Each template as a user gets it: the packed package, the project that `create-unmoor` writes from it, and
 * only the packages that this project names, installed by npm or pnpm from their registry.
 */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkout } from '../unit/temp-project.ts'

const run = promisify(execFile)
const PNPM = 'pnpm@11.28.10'

let scratch: string
let tarball: string
let command: string
const env = (): NodeJS.ProcessEnv => ({
  ...process.env,
  // Where this Node is, ahead of the system's: the commands of packages begin with `env node`.
  PATH: `${dirname(process.execPath)}:${process.env['PATH']}`,
  npm_config_update_notifier: 'false',
  WRANGLER_SEND_METRICS: 'false',
  CI: 'true',
})

beforeAll(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), 'unmoor-templates-')))
  const pack = async (folder: string): Promise<string> => {
    const args = ['pack', folder, '--json', '--ignore-scripts', '--pack-destination', scratch]
    const { stdout } = await run('npm', args, { cwd: scratch, env: env() })
    return join(scratch, (JSON.parse(stdout) as [{ filename: string }])[0].filename)
  }
  tarball = await pack(checkout)
  const creator = await pack(join(checkout, 'core/tools/create/create-unmoor'))
  const npm = ['install', '--prefer-offline', '--no-audit', '--no-fund', '--omit=peer', tarball, creator]
  await run('npm', npm, { cwd: scratch, env: env() })
  command = join(scratch, 'node_modules/.bin/create-unmoor')
}, 300_000)
afterAll(() => rm(scratch, { recursive: true, force: true, maxRetries: 3 }))

describe('a project of a template, with the packages that it names and no others', () => {
  it.each([
    ['npm', 'api', 'node,cloudflare,lambda,isolate'],
    ['npm', 'worker', 'node,lambda,isolate'],
    ['npm', 'drizzle', 'node,cloudflare,lambda,isolate'],
    ['npm', 'auth', 'node,cloudflare,lambda,isolate'],
    ['pnpm', 'react', 'node,cloudflare,lambda,isolate'],
    ['pnpm', 'chat', 'node,cloudflare,lambda,isolate'],
  ])(
    '%s, %s: type checks, and its tests pass on %s',
    async (manager, template, targets) => {
      // Elsewhere than below `scratch`, whose packages it would find.
      const dir = await realpath(await mkdtemp(join(tmpdir(), `unmoor-template-${template}-`)))
      try {
        const created = await run(
          command,
          [dir, '--template', template, '--target', targets, '--name', 'an-app'],
          // As `pnpm create` runs it.
          { cwd: scratch, env: { ...env(), npm_config_user_agent: `${manager}/1.0.0 node/v26.0.0` } },
        )
        expect(created.stdout).toContain(`package.json has it from ${tarball}.`)
        const [program, ...install] =
          manager === 'npm'
            ? ['npm', 'install', '--prefer-offline', '--no-audit', '--no-fund']
            : ['npx', '--yes', PNPM, 'install', '--prefer-offline']
        await run(program, install, { cwd: dir, env: env(), maxBuffer: 1 << 26 })
        // What pnpm keeps apart, npm puts beside: an undeclared package would not be found with pnpm.
        expect(existsSync(join(dir, 'node_modules/esbuild'))).toBe(manager === 'npm')
        for (const script of ['typecheck', 'build', 'test']) {
          const result = await run('npm', ['run', '--silent', script], {
            cwd: dir,
            env: env(),
            maxBuffer: 1 << 26,
          })
          if (script !== 'test') continue
          for (const target of targets.split(',')) expect(result.stdout).toContain(`${target}: passed`)
        }
      } finally {
        await rm(dir, { recursive: true, force: true, maxRetries: 3 })
      }
    },
    900_000,
  )
})
