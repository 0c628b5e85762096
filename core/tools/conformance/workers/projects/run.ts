/** Starts each Worker project once and runs its cases against it. Runs on Node. */
import { mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { loadMiniflare } from '../../../../../adapters/cloudflare/local/miniflare.ts'
import type { Log } from '../../../../adapter.ts'
import type { RunningWorker } from '../running-worker.ts'
import { startBuilt, writeFiles } from '../running.ts'
import { startOrigin } from './origin.ts'
import type { ProjectCase, Site, WorkerFixture } from './project-case.ts'
import { startPages } from './wrangler-pages.ts'
import { startWrangler } from './wrangler.ts'

type Started = Pick<RunningWorker, 'url' | 'runtime' | 'stop'>
type OnEnd = (one: ProjectCase, ms: number, error: string | undefined, runtime: string | undefined) => void

/**
 * Runs the Worker projects' cases, project by project. On `cloudflare`, wrangler itself builds and serves
 * each project.
 */
export async function runProjects(
  cases: readonly ProjectCase[],
  target: string,
  log: Log,
  onEnd: OnEnd,
): Promise<void> {
  if (cases.length === 0) return
  const origin = await startOrigin()
  for (const [fixture, own] of Map.groupBy(cases, (one) => one.fixture)) {
    const dir = await mkdtemp(join(tmpdir(), 'unmoor-workers-'))
    const lines: string[] = []
    const warnings: string[] = []
    let started: Started | undefined
    let failure: string | undefined
    try {
      await writeFixture(dir, fixture)
      const heard: Log = { info: (text) => log.info(text), warn: (text) => void warnings.push(text) }
      started =
        target === 'cloudflare'
          ? await (fixture.wrangler['pages_build_output_dir'] === undefined
              ? startWrangler(dir, { content: fixture.wrangler })
              : startPages(dir))
          : await startBuilt(dir, target, heard, (line) => void lines.push(line))
    } catch (error) {
      failure = messages(error)
    }
    const site = createSite(started?.url, {
      failure,
      warnings,
      output: lines,
      origin: origin.url,
      echo: origin.echo,
    })
    let failed = false
    for (const one of own) {
      const began = Date.now()
      const error = await outcome(() => one.check(site, target))
      failed ||= error !== undefined
      onEnd(one, Date.now() - began, error, started?.runtime)
    }
    if (failed) for (const line of lines.slice(-KEPT_LINES)) log.info(`  | ${line}`)
    await started?.stop()
    await rm(dir, { recursive: true, force: true, maxRetries: 10 })
  }
  origin.stop()
}

const KEPT_LINES = 20

async function writeFixture(dir: string, { wrangler, files, packages = [] }: WorkerFixture): Promise<void> {
  await writeFiles(dir, {
    'package.json': '{ "type": "module" }\n',
    'wrangler.jsonc': JSON.stringify(wrangler, null, 2),
    ...files,
  })
  for (const name of packages) {
    const installed = createRequire(loadMiniflare().wrangler).resolve(name)
    const link = join(dir, 'node_modules', name)
    await mkdir(dirname(link), { recursive: true })
    await symlink(installed.slice(0, installed.lastIndexOf(name) + name.length), link)
  }
}

function createSite(
  url: string | undefined,
  facts: Pick<Site, 'failure' | 'warnings' | 'output' | 'origin' | 'echo'>,
): Site {
  const ask = async (path: string, init: RequestInit = {}): Promise<Response> => {
    if (url === undefined) throw new Error(`the Worker did not start: ${facts.failure}`)
    // The URL is concatenated, because `new URL(path, url)` would take a path that begins with two slashes
    // for another host.
    return fetch(new URL(`${url}${path}`), {
      redirect: 'manual',
      signal: AbortSignal.timeout(30_000),
      ...init,
      headers: { connection: 'close', ...Object.fromEntries(new Headers(init.headers)) },
    })
  }
  return {
    ...facts,
    get url() {
      if (url === undefined) throw new Error(`the Worker did not start: ${facts.failure}`)
      return url
    },
    fetch: ask,
    async text(path) {
      const response = await ask(path)
      const text = await response.text()
      if (response.status !== 200) throw new Error(`${path} is a ${response.status}: ${text.slice(0, 200)}`)
      return text
    },
  }
}

async function outcome(check: () => Promise<void> | void): Promise<string | undefined> {
  try {
    await check()
    return undefined
  } catch (error) {
    return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
  }
}

/**
 * Returns an error's message with the messages of its causes: wrangler's own only says that something failed.
 */
function messages(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause === undefined ? error.message : `${error.message}: ${messages(error.cause)}`
}
