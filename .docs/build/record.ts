/** Runs a suite and keeps what it printed, with the date and the versions that were tried. */
import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { type Suite, type SuiteRecord, SUITES } from './suites.ts'

/** Packages that decide what a target does, by their names in the lock file. */
const VERSIONED = ['node', 'workerd', 'isolated-vm', 'wrangler', 'fauxqs', 'dynalite']

export function recordFile(root: string, name: string): string {
  return join(root, '.docs/results', `${name}.json`)
}

/**
 * Runs a suite by its name and replaces its record.
 *
 * @returns The exit code of the run. A run that failed is recorded as one.
 * @throws If the name is no suite's, or the run printed no result.
 */
export async function record(root: string, name: string): Promise<number> {
  const suite = SUITES.find((one) => one.name === name)
  if (suite === undefined) {
    const names = SUITES.map((one) => one.name).join(', ')
    throw new Error(`There is no suite "${name}". Name one of ${names}.`)
  }
  const begun = Date.now()
  const commit = commitOf(root)
  const { output, exitCode } = await run(root, suite)
  const lines = readLines(output)
  if (lines.length === 0)
    throw new Error(
      `${suite.command.join(' ')} printed no result as JSON (exit code ${exitCode}). Nothing is recorded.`,
    )
  const kept: SuiteRecord = {
    suite: name,
    command: suite.command.join(' '),
    date: new Date().toISOString().slice(0, 10),
    commit,
    seconds: Math.round((Date.now() - begun) / 1000),
    versions: versionsOf(root),
    exitCode,
    lines,
  }
  const file = recordFile(root, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(kept, null, 2)}\n`)
  return exitCode
}

function run(
  root: string,
  { command: [program = '', ...args] }: Suite,
): Promise<{ output: string; exitCode: number }> {
  const child = spawn(program, args, { cwd: root, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ output, exitCode: code ?? 1 }))
  })
}

/** Returns the lines that are JSON objects, without their lists of single cases. */
function readLines(output: string): Record<string, unknown>[] {
  return output.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return []
    const { cases: _, groups: __, ...counts } = JSON.parse(line) as Record<string, unknown>
    return [counts]
  })
}

function commitOf(root: string): string {
  const git = (...args: string[]): string => execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim()
  const isClean = git('status', '--porcelain', '--untracked-files=no') === ''
  return git('rev-parse', '--short=12', 'HEAD') + (isClean ? '' : '+')
}

function versionsOf(root: string): Record<string, string> {
  const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { version?: string }>
  }
  return Object.fromEntries(
    VERSIONED.flatMap((name) => {
      const version = packages[`node_modules/${name}`]?.version
      return version === undefined ? [] : [[name, version]]
    }),
  )
}
