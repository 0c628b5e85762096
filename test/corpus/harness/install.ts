import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const FOLDER = join(import.meta.dirname, '..')
const REPOSITORY = join(FOLDER, '../..')
const MODULES = join(FOLDER, 'node_modules')
/** Has the hash of the lock file that `node_modules` was installed from. */
const STAMP = join(MODULES, '.installed-lock')

/**
 * Installs the libraries with `npm ci` where `node_modules` is not what the lock file says, and puts this
 * checkout there as `unmoor`, as `npm link` would.
 */
export function install(say: (line: string) => void): void {
  const hash = createHash('sha256')
    .update(readFileSync(join(FOLDER, 'package-lock.json')))
    .digest('hex')
  if (!existsSync(STAMP) || readFileSync(STAMP, 'utf8') !== hash) {
    say('installing the libraries: npm ci')
    const { status } = spawnSync('npm', ['ci'], { cwd: FOLDER, stdio: ['ignore', 2, 2] })
    if (status !== 0) throw new Error(`npm ci ended with ${status} in test/corpus.`)
    generatePrismaClient()
    writeFileSync(STAMP, hash)
  }
  const link = join(MODULES, 'unmoor')
  if (!existsSync(link)) symlinkSync(join('..', '..', '..'), link)
  if (!existsSync(join(REPOSITORY, 'dist/core/tools/build/build.js')))
    throw new Error(`There is no build of unmoor in ${dirname(link)}/unmoor. Run: npm run build`)
}

/** The one library whose apps import generated code. */
function generatePrismaClient(): void {
  const { status, stderr } = spawnSync(
    join(MODULES, '.bin/prisma'),
    ['generate', '--schema', 'schema.prisma'],
    {
      cwd: join(FOLDER, 'libraries/prisma'),
      // The engine that migrates is not needed to generate; without a path Prisma would download it.
      env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath },
      encoding: 'utf8',
    },
  )
  if (status !== 0) throw new Error(`prisma generate ended with ${status}: ${stderr}`)
}
