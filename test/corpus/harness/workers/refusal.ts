/** A Worker that no target takes: what its build prints, and that it leaves nothing. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { WORKER_TARGETS } from '../worker/case.ts'

const CLI = join(import.meta.dirname, '../../../../dist/core/tools/cli/main.js')

/** What `unmoor build --worker` for all targets came to. */
export interface Refusal {
  status: number | null
  /** Standard error, with `DIR` for the folder. */
  text: string
  ms: number
  artifacts: string[]
}

/** Builds the Worker in `dir` with the command. */
export function build(dir: string, wrangler: string, environment: string | undefined): Refusal {
  const started = performance.now()
  const { status, stderr } = spawnSync(
    process.execPath,
    [
      CLI,
      'build',
      '--worker',
      wrangler,
      ...WORKER_TARGETS.flatMap((target) => ['--target', target]),
      ...(environment === undefined ? [] : ['--env', environment]),
    ],
    { cwd: dir, encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } },
  )
  const ms = performance.now() - started
  const artifacts = WORKER_TARGETS.map((target) => join('.unmoor', target)).filter((path) =>
    existsSync(join(dir, path)),
  )
  return { status, text: stderr.replaceAll(dir, 'DIR').trim(), ms, artifacts }
}

/** A refusal is to come within this time, however many reasons it has. */
const MOST_MS = 5000
/** On a busy machine, within so many times what the build of a Worker that is fine takes in the same run. */
const TIMES_CONTROL = 2

/** What is wrong with a refusal, a line each; empty where nothing is. */
export function wrongRefusal(refusal: Refusal, expected: string, control: () => Refusal): string[] {
  const wrong: string[] = []
  if (refusal.status !== 2) wrong.push(`the build ended with ${refusal.status}, not with 2`)
  if (refusal.text !== expected.trim())
    wrong.push('it printed:', refusal.text, 'declared is:', expected.trim())
  if (refusal.artifacts.length > 0) wrong.push(`it left ${refusal.artifacts.join(', ')}`)
  if (refusal.ms > MOST_MS) {
    const { ms } = control()
    if (refusal.ms > ms * TIMES_CONTROL)
      wrong.push(`it took ${Math.round(refusal.ms)} ms; a Worker that is fine takes ${Math.round(ms)} ms`)
  }
  return wrong
}
