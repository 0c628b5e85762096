/** A framework's app outside of this repository, whose packages it must not find by accident. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { NamedFramework } from './framework.ts'

const CACHE = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'unmoor', 'frameworks')
const MODULES = 'node_modules'
const INSTALLED = '.unmoor-installed'
const BUILT = '.unmoor-built'
/** The folder's own declaration, which is no part of the app. */
const DECLARATION = 'framework.ts'

/** Installs and builds the app, where that has not been done for its files. Returns its folder. */
export async function prepareFramework(framework: NamedFramework): Promise<string> {
  const { name, source } = framework
  const lock = await hashOf(source, ['package-lock.json'])
  const dir = join(CACHE, `${name}-${lock.slice(0, 12)}`)
  if (!existsSync(join(dir, MODULES, INSTALLED))) await install(source, dir)
  const files = (await readdir(source, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(source.length + 1))
    .filter((file) => file !== DECLARATION && !file.startsWith(MODULES))
  const hash = await hashOf(source, files)
  const built = join(dir, BUILT)
  if (existsSync(built) && (await readFile(built, 'utf8')) === hash) return dir
  for (const entry of await readdir(dir))
    if (entry !== MODULES) await rm(join(dir, entry), { recursive: true, force: true })
  for (const file of files) await cp(join(source, file), join(dir, file))
  for (const [program, ...args] of framework.build) run(dir, join(dir, MODULES, '.bin', program), args)
  await writeFile(built, hash)
  return dir
}

async function install(source: string, dir: string): Promise<void> {
  await rm(dir, { recursive: true, force: true })
  await mkdir(dir, { recursive: true })
  for (const file of ['package.json', 'package-lock.json']) await cp(join(source, file), join(dir, file))
  run(dir, 'npm', ['ci', '--no-audit', '--no-fund'])
  await writeFile(join(dir, MODULES, INSTALLED), '')
}

function run(cwd: string, program: string, args: readonly string[]): void {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd,
    encoding: 'utf8',
    env: { ...process.env, CI: '1', NODE_ENV: undefined, ...QUIET },
  })
  if (status === 0) return
  const why = error === undefined ? `ended with ${status}` : String(error)
  throw new Error(`${program} ${args.join(' ')} ${why} in ${cwd}:\n${stdout}\n${stderr}`)
}

/** Variables by which the frameworks' programs send nothing to anybody. */
const QUIET = {
  ASTRO_TELEMETRY_DISABLED: '1',
  NEXT_TELEMETRY_DISABLED: '1',
  NUXT_TELEMETRY_DISABLED: '1',
  WRANGLER_SEND_METRICS: 'false',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
}

async function hashOf(dir: string, files: readonly string[]): Promise<string> {
  const hash = createHash('sha256').update(process.version)
  for (const file of [...files].sort()) hash.update(`\0${file}\0`).update(await readFile(join(dir, file)))
  return hash.digest('hex')
}
