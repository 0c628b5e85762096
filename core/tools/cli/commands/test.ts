import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import type { Command } from 'commander'
import type { WorkerChoice } from '../../build/project.ts'
import { UnmoorError } from '../../../errors.ts'
import { addWorkerOptions, loadTargets, options, type WorkerOptions } from '../options.ts'
import { createReporter, type Reporter } from '../reporter.ts'
import { onStop } from '../signals.ts'

interface Options extends WorkerOptions {
  target?: string[]
  project: string
  reporter: 'text' | 'json'
}

/**
 * Result of one target's tests in `unmoor test`. The counts are known with --reporter json only; otherwise
 * Vitest prints them itself.
 */
interface TargetResult {
  target: string
  exitCode: number
  total: number
  passed: number
  failed: number
}

/** Registers the command `unmoor test`. */
export function register(program: Command): void {
  const command = program
    .command('test')
    .description("run the app's own Vitest tests against the built app, on each target in turn")
    .argument('[vitest-args...]', 'what follows -- goes to vitest')
    .addOption(options.targets().default(['node'], 'node'))
    .addOption(options.project())
    .addOption(options.reporter())
    .action(test)
  addWorkerOptions(command)
}

async function test(vitestArgs: string[], given: Options): Promise<void> {
  const report = createReporter(given.reporter)
  const { targets, projectDir, choice } = await loadTargets(given.project, given.target ?? ['node'], given)
  const variables = {
    ...(choice === undefined ? {} : { UNMOOR_WORKER: workerVariable(choice, projectDir) }),
    ...(given.env === undefined ? {} : { UNMOOR_ENV: given.env }),
  }
  const vitest = findVitest(projectDir)
  const results: TargetResult[] = []
  for (const target of targets) {
    report.info(`Testing on ${target}`)
    results.push({
      target,
      ...(await runVitest(vitest, vitestArgs, projectDir, { UNMOOR_TARGET: target, ...variables }, report)),
    })
  }
  for (const { target, exitCode } of results)
    report.print(
      `${target}: ${exitCode === 0 ? 'passed' : `failed (vitest ended with exit code ${exitCode})`}`,
    )
  const failed = results.some(({ exitCode }) => exitCode !== 0)
  report.result({ targets: results, passed: !failed })
  if (failed) process.exitCode = 1
}

/**
 * Encodes the choice of Worker, with absolute paths, for the environment variable UNMOOR_WORKER that
 * `startApp` reads in tests.
 */
function workerVariable(choice: WorkerChoice, projectDir: string): string {
  const { config, main, ...more } = typeof choice === 'string' ? { config: choice, main: undefined } : choice
  return JSON.stringify({
    config: resolve(projectDir, config),
    ...(main === undefined ? {} : { main: resolve(projectDir, main) }),
    ...more,
  } satisfies WorkerChoice)
}

/**
 * Finds the Vitest that the project has installed, since the project's tests are written for that version.
 */
function findVitest(projectDir: string): string {
  let manifest: string
  try {
    manifest = createRequire(join(projectDir, 'package.json')).resolve('vitest/package.json')
  } catch (cause) {
    throw new UnmoorError(
      'NotFound',
      `The project has no vitest, which runs its tests. Run: npm install --save-dev vitest`,
      { operation: 'test', cause },
    )
  }
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: string | { vitest: string } }
  return join(dirname(manifest), typeof bin === 'string' ? bin : bin.vitest)
}

async function runVitest(
  vitest: string,
  args: readonly string[],
  projectDir: string,
  variables: Readonly<Record<string, string>>,
  report: Reporter,
): Promise<Omit<TargetResult, 'target'>> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-vitest-'))
  const file = join(dir, 'results.json')
  const counted = report.json ? ['--reporter=default', '--reporter=json', `--outputFile.json=${file}`] : []
  const child = spawn(process.execPath, [vitest, 'run', ...counted, ...args], {
    cwd: projectDir,
    env: { ...process.env, ...variables },
    // With --reporter json, stdout is reserved for unmoor's line of JSON, so Vitest's output goes to stderr.
    stdio: ['inherit', report.json ? 2 : 'inherit', 'inherit'],
  })
  const release = onStop(() => child.kill('SIGTERM'))
  try {
    const exitCode = await new Promise<number>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code) => resolve(code ?? 1))
    })
    const counts = existsSync(file)
      ? (JSON.parse(await readFile(file, 'utf8')) as {
          numTotalTests: number
          numPassedTests: number
          numFailedTests: number
        })
      : undefined
    return {
      exitCode,
      total: counts?.numTotalTests ?? 0,
      passed: counts?.numPassedTests ?? 0,
      failed: counts?.numFailedTests ?? 0,
    }
  } finally {
    release()
    await rm(dir, { recursive: true, force: true })
  }
}
