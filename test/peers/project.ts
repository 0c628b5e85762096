/** A Worker of a peer's tests: written once, started on each system, asked test by test. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../core/adapter.ts'
import { startWrangler } from '../../core/tools/conformance/workers/projects/wrangler.ts'
import { startBuilt } from '../../core/tools/conformance/workers/running.ts'
import type { SystemName } from './suites.ts'
import type { Outcome } from './within/harness.ts'

/** One Worker with tests. */
export interface Project {
  /** Its module. */
  code: string
  /** Its wrangler file, but for name, main and date. */
  wrangler: Readonly<Record<string, unknown>>
  /** Tests at once. Default: 1, for tests that share what the peer's own runner lets them share. */
  together?: number
  /** Tests count assertion by assertion. Default: each test is one. */
  byAssertion?: boolean
}

export type Outcomes = ReadonlyMap<string, Outcome>

const DATE = '2026-07-01'
/** What the driver says of a test that did not end; the report's class of it is `hang`. */
export const NO_END = 'it did not end'

/** Runs the tests of `project` on a system. @param timeout seconds for one test. */
export async function runProject(project: Project, system: SystemName, timeout: number): Promise<Outcomes> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-peers-'))
  const output: string[] = []
  const log: Log = { info() {}, warn: (line) => void output.push(line) }
  try {
    await writeProject(dir, project)
    const running =
      system === 'oracle'
        ? await startWrangler(dir)
        : await startBuilt(dir, system, log, (line) => void output.push(line))
    try {
      return await askAll(running.url, project, timeout)
    } finally {
      await running.stop()
    }
  } catch (error) {
    const last = output.slice(-10).join('\n')
    throw new Error(`${system} did not run the tests: ${messages(error)}\n${last}`, { cause: error })
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 10 })
  }
}

async function writeProject(dir: string, { code, wrangler }: Project): Promise<void> {
  const config = { name: 'peers', main: 'index.js', compatibility_date: DATE, ...wrangler }
  await mkdir(join(dir, 'migrations'))
  await writeFile(join(dir, 'package.json'), '{ "type": "module" }\n')
  await writeFile(join(dir, 'wrangler.jsonc'), JSON.stringify(config, null, 2))
  await writeFile(join(dir, 'index.js'), code)
}

async function askAll(url: string, project: Project, timeout: number): Promise<Outcomes> {
  const names = (await ask(url, 'list', timeout)) as string[]
  const outcomes = new Map<string, Outcome>()
  const waiting = [...names]
  const take = async (): Promise<void> => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift())
      outcomes.set(name, await askOne(url, name, timeout))
  }
  await Promise.all(Array.from({ length: project.together ?? 1 }, take))
  if (project.byAssertion !== true) return outcomes
  const assertions = (await ask(url, 'assertions', timeout)) as Outcome[]
  return new Map(assertions.map((outcome) => [outcome.name, outcome]))
}

async function askOne(url: string, name: string, timeout: number): Promise<Outcome> {
  try {
    return (await ask(url, `run?name=${encodeURIComponent(name)}`, timeout)) as Outcome
  } catch (error) {
    const ended = error instanceof Error && error.name === 'TimeoutError'
    return { name, error: ended ? NO_END : messages(error) }
  }
}

async function ask(url: string, op: string, timeout: number): Promise<unknown> {
  const response = await fetch(`${url}/__peers/${op}`, {
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(timeout * 1000),
  })
  const text = await response.text()
  if (response.status !== 200)
    throw new Error(`the Worker answered ${response.status}: ${text.slice(0, 300)}`)
  return JSON.parse(text)
}

/** The message with those of its causes. */
export function messages(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${messages(error.cause)}`
}
