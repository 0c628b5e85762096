/** A Worker of a peer's tests: written once, started on each system, asked test by test. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Log } from '../../core/adapter.ts'
import { startWrangler } from '../../core/tools/conformance/workers/projects/wrangler.ts'
import { startBuilt, writeFiles } from '../../core/tools/conformance/workers/running.ts'
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

/** Tests that are run on one system after the other. */
export interface Asked {
  /** @param timeout seconds for one test. */
  run(system: SystemName, timeout: number): Promise<Outcomes>
}

export type Outcomes = ReadonlyMap<string, Outcome>

const DATE = '2026-07-01'
/** What the driver says of a test that did not end; the report's class of it is `hang`. */
export const NO_END = 'it did not end'

/** The tests of a Worker that runs them itself. */
export const asked = (project: Project): Asked => ({
  run: async (system, timeout) => {
    const running = await startProject(filesOf(project), system)
    try {
      return await askAll(running.url, project, timeout)
    } finally {
      await running.stop()
    }
  },
})

/** A Worker that runs on a system. */
export interface Running {
  url: string
  stop(): Promise<void>
}

/** Writes a project into a folder of its own and starts it on a system; its end removes the folder. */
export async function startProject(
  files: Readonly<Record<string, string>>,
  system: SystemName,
): Promise<Running> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-peers-'))
  const clean = (): Promise<void> => rm(dir, { recursive: true, force: true, maxRetries: 10 })
  const output: string[] = []
  const log: Log = { info() {}, warn: (line) => void output.push(line) }
  try {
    await writeFiles(dir, files)
    await mkdir(join(dir, 'migrations'))
    const running =
      system === 'oracle'
        ? await startWrangler(dir)
        : await startBuilt(dir, system, log, (line) => void output.push(line))
    return {
      url: running.url,
      async stop() {
        await running.stop()
        await clean()
      },
    }
  } catch (error) {
    await clean()
    const last = output.slice(-10).join('\n')
    throw new Error(`${system} did not start the Worker: ${messages(error)}\n${last}`, { cause: error })
  }
}

function filesOf({ code, wrangler }: Project): Record<string, string> {
  const config = { name: 'peers', main: 'index.js', compatibility_date: DATE, ...wrangler }
  return {
    'package.json': '{ "type": "module" }\n',
    'wrangler.jsonc': JSON.stringify(config, null, 2),
    'index.js': code,
  }
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
