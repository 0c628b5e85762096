/**
 * `npm run check`: all checks that need no server, on one build and as many at a time as the machine has processors. Each
 * is also a command of its own (`npm run check:docs`), which builds for itself. Prints a line for each check, and what
 * the failed ones said in full. Exits with 1 if one failed.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { ROOT } from './package.ts'

/** A check by its name and its command line, which finds the programs of `node_modules/.bin`. */
type Check = readonly [name: string, command: string]

const BUILD: Check = ['build', 'tsc -p tsconfig.build.json']
/** Checks of the sources alone, the longest first. */
const OF_SOURCES: readonly Check[] = [
  ['typecheck', 'npm run --silent typecheck'],
  ['knip', 'knip'],
  ['lint', 'oxlint'],
  ['check:shape', 'node test/checks/shape.ts'],
  ['check:prose', 'node test/checks/prose.ts'],
  ['format:check', 'oxfmt --check'],
]
/** Checks of `dist`, the longest first. None of them builds: the others read `dist` at the same time. */
const OF_BUILD: readonly Check[] = [
  ['check:consumers', 'node test/checks/consumers.ts'],
  [
    'check:package',
    'tarball=$(npm pack --silent --ignore-scripts --pack-destination "$WORK") && publint --strict "$WORK/$tarball" && publint --strict core/tools/create/create-unmoor && attw "$WORK/$tarball" --profile esm-only',
  ],
  ['check:docs', 'node test/checks/docs.ts'],
  ['docs', 'node .docs/build/main.ts --check'],
  ['check:entries', 'node test/checks/entries.ts'],
  ['check:exports', 'node test/checks/exports.ts'],
]

const work = mkdtempSync(join(tmpdir(), 'unmoor-check-'))
const env = {
  ...process.env,
  WORK: work,
  PATH: `${join(ROOT, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}`,
}

/** Runs one check. Returns true if it passed. */
function run([name, command]: Check): Promise<boolean> {
  const started = performance.now()
  const child = spawn('bash', ['-c', command], { cwd: ROOT, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => {
      const seconds = ((performance.now() - started) / 1000).toFixed(1)
      if (code === 0) console.log(`${name}: ok (${seconds} s)`)
      else console.error(`${name}: FAILED (${seconds} s)\n${output.trimEnd()}\n`)
      resolve(code === 0)
    })
  })
}

/** Runs checks, so many at a time. Returns the number that failed. */
async function runAll(checks: readonly Check[]): Promise<number> {
  const waiting = [...checks]
  let failed = 0
  const worker = async (): Promise<void> => {
    for (let check = waiting.shift(); check !== undefined; check = waiting.shift())
      if (!(await run(check))) failed++
  }
  await Promise.all(Array.from({ length: availableParallelism() }, worker))
  return failed
}

const started = performance.now()
try {
  // Without a build, what reads it would fail for that alone.
  const isBuilt = await run(BUILD)
  const failed = (isBuilt ? 0 : 1) + (await runAll([...(isBuilt ? OF_BUILD : []), ...OF_SOURCES]))
  const seconds = Math.round((performance.now() - started) / 1000)
  console.log(`${failed === 0 ? 'all checks passed' : `${failed} failed`} in ${seconds} s`)
  process.exitCode = failed === 0 ? 0 : 1
} finally {
  rmSync(work, { recursive: true, force: true })
}
