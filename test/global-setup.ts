import { execFileSync } from 'node:child_process'
import { globSync, statSync, utimesSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('..', import.meta.url))

/**
 * Builds the package where a source is newer than the last build, since tests run what is in `dist`
 * (`built-package.ts`). Makes the folder for what the files of one run build once and share
 * (`built-once.ts`), and removes it at the end. Each project of Vitest's config calls this; the first call
 * does the work.
 */
export default async function setup(): Promise<() => Promise<void>> {
  if (process.env['UNMOOR_TEST_BUILDS'] !== undefined) return async () => {}
  buildPackage()
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-test-builds-'))
  process.env['UNMOOR_TEST_BUILDS'] = dir
  return async () => {
    delete process.env['UNMOOR_TEST_BUILDS']
    await rm(dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

function buildPackage(): void {
  const last = join(ROOT, 'dist/.tsbuildinfo')
  const built = statSync(last, { throwIfNoEntry: false })?.mtimeMs ?? 0
  const sources = globSync(['{core,adapters}/**/*.ts', 'tsconfig*.json'], { cwd: ROOT })
  if (sources.every((file) => statSync(join(ROOT, file)).mtimeMs <= built)) return
  execFileSync('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' })
  // The compiler leaves it as it is where nothing changed.
  utimesSync(last, new Date(), new Date())
}
