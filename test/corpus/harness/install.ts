import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const FOLDER = join(import.meta.dirname, '..')
const REPOSITORY = join(FOLDER, '../..')
const MODULES = join(FOLDER, 'node_modules')
/** Has the hash of the lock file that `node_modules` was installed from. */
const STAMP = join(MODULES, '.installed-lock')

/** A library whose apps import code that its own command writes. */
interface Generated {
  /** Files that the code depends on, besides the library's version. */
  from: readonly string[]
  command: readonly [name: string, ...args: string[]]
  cwd: string
  env?: Readonly<Record<string, string>>
}

const GENERATED: Readonly<Record<string, Generated>> = {
  prisma: {
    from: ['libraries/prisma/schema.prisma'],
    command: ['prisma', 'generate', '--schema', 'schema.prisma'],
    cwd: 'libraries/prisma',
    // The engine that migrates is not needed to generate; without a path Prisma would download it.
    env: { PRISMA_SCHEMA_ENGINE_BINARY: process.execPath },
  },
  'mikro-orm': {
    from: ['libraries/mikro-orm/entities.ts', 'libraries/mikro-orm/mikro-orm.config.ts'],
    command: [
      'mikro-orm',
      'compile',
      '--config',
      'libraries/mikro-orm/mikro-orm.config.ts',
      '--out',
      '.unmoor/mikro-orm/compiled-functions.js',
    ],
    cwd: '.',
  },
}

/**
 * Installs the libraries with `npm ci` where `node_modules` is not what the lock file says, has generated
 * code written where that or what it is made of has changed, and puts this checkout there as `npm link` would.
 */
export function install(say: (line: string) => void): void {
  const lock = hashOf(['package-lock.json'])
  if (!isStamped(STAMP, lock)) {
    say('installing the libraries: npm ci')
    const { status } = spawnSync('npm', ['ci'], { cwd: FOLDER, stdio: ['ignore', 2, 2] })
    if (status !== 0) throw new Error(`npm ci ended with ${status} in test/corpus.`)
    writeFileSync(STAMP, lock)
  }
  for (const [name, generated] of Object.entries(GENERATED)) generate(name, generated)
  linkPackage()
}

/** Puts this checkout there as `unmoor`, which is all that a suite without libraries needs. */
export function linkPackage(): void {
  const link = join(MODULES, 'unmoor')
  mkdirSync(MODULES, { recursive: true })
  if (!existsSync(link)) symlinkSync(join('..', '..', '..'), link)
  if (!existsSync(join(REPOSITORY, 'dist/core/tools/build/build.js')))
    throw new Error(`There is no build of unmoor in ${dirname(link)}/unmoor. Run: npm run build`)
}

function generate(name: string, { from, command: [binary, ...args], cwd, env }: Generated): void {
  const stamp = join(MODULES, `.generated-${name}`)
  const hash = hashOf(['package-lock.json', ...from])
  if (isStamped(stamp, hash)) return
  const { status, stdout, stderr } = spawnSync(join(MODULES, '.bin', binary), args, {
    cwd: join(FOLDER, cwd),
    env: { ...process.env, ...env },
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`${name}: ${args.join(' ')} ended with ${status}: ${stdout}${stderr}`)
  writeFileSync(stamp, hash)
}

function hashOf(files: readonly string[]): string {
  const hash = createHash('sha256')
  for (const file of files) hash.update(readFileSync(join(FOLDER, file)))
  return hash.digest('hex')
}

function isStamped(stamp: string, hash: string): boolean {
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === hash
}
