import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseEnv } from 'node:util'
import type { Log } from 'unmoor/adapter'
import { buildApp } from 'unmoor/build'
import { startWrangler } from '../../../../core/tools/conformance/workers/projects/wrangler.ts'
import { comparable, differences, type Replacements } from '../compare.ts'
import type { Answer, Answers } from '../library.ts'
import { failure, lastLines, messageOf, type Result, wrongAnswers } from '../results.ts'
import { startUpstream } from '../upstream.ts'
import { WORKER_TARGETS, type WorkerApp, type WorkerTarget } from './case.ts'
import { askAll } from './client.ts'

type Variables = Readonly<Record<string, string>>

interface Oracle {
  answers: Answers
  replacements: Replacements
}

const OPTIONS = {
  // What the apps call runs on this machine. Large bundles compile at their first request.
  isolate: { outbound: { allow: ['127.0.0.1', 'localhost'] }, cpuMs: 20_000, startupTimeout: 60 },
  lambda: { timeout: 300 },
}

/** Asks wrangler and then every target for the same, and tells how they differ. */
export async function runWorkerApp(
  app: WorkerApp,
  targets: readonly WorkerTarget[],
  onResult: (result: Result) => Promise<void>,
): Promise<void> {
  const upstream = await startUpstream(app.upstream)
  try {
    const oracle = await askOracle(app, upstream.variables).catch((error: unknown) => [messageOf(error)])
    // One after the other: each build writes the same generated entry.
    for (const target of WORKER_TARGETS.filter((name) => targets.includes(name)))
      await onResult(
        Array.isArray(oracle)
          ? failure(app, target, 'control', oracle)
          : await askTarget(app, target, oracle, upstream.variables),
      )
  } finally {
    await upstream.close()
  }
}

/** @returns wrangler's answers, or what is wrong with them. */
async function askOracle(app: WorkerApp, upstream: Variables): Promise<Oracle | string[]> {
  return inSpace(app, 'wrangler', upstream, async (variables) => {
    await writeVariables(app, variables)
    const wrangler = await startWrangler(app.dir, { config: app.config, environment: app.environment })
    try {
      const answers = await askAll(wrangler.url, app.requests)
      const wrong = wrongAnswers(app.requests, answers)
      return wrong.length > 0 ? wrong : { answers, replacements: replacements(app, wrangler.url, variables) }
    } finally {
      await wrangler.stop()
    }
  })
}

async function askTarget(
  app: WorkerApp,
  target: WorkerTarget,
  oracle: Oracle,
  upstream: Variables,
): Promise<Result> {
  const total = app.requests.length
  let output = ''
  const say = (line: string): void => void (output += `${line}\n`)
  const log: Log = { info() {}, warn: say }
  try {
    return await inSpace(app, target, upstream, async (variables) => {
      const { adapter, outDir, info } = await buildApp({
        projectDir: app.dir,
        target,
        worker: { config: app.worker, ...(app.environment === undefined ? {} : { env: app.environment }) },
        config: { targets: { [target]: { options: OPTIONS[target] } } },
        outDir: join(app.scratch, target),
        log,
      })
      const dataDir = join(app.scratch, `${target}-data`)
      await mkdir(dataDir, { recursive: true })
      const runtime = await adapter.start({
        dir: outDir,
        info,
        dataDir,
        port: 0,
        variables: { ...(await devVariables(app)), ...variables },
        onOutput: say,
        log,
      })
      try {
        const answers = await askAll(runtime.url, app.requests)
        const own = replacements(app, runtime.url, variables)
        const failures = app.requests.flatMap(({ name }) => {
          const lines = differences(
            comparable(asOnCloudflare(answers[name] as Answer), own),
            comparable(asOnCloudflare(oracle.answers[name] as Answer), oracle.replacements),
          )
          return lines.length === 0 ? [] : [{ name, failed: 1, lines }]
        })
        const last = failures.at(-1)
        if (last !== undefined) last.lines = [...last.lines, ...lastLines(output)]
        return { target, total, failures, declared: 0 }
      } finally {
        await runtime.stop()
      }
    })
  } catch (error) {
    return failure(app, target, 'start', [messageOf(error), ...lastLines(output)])
  }
}

/** Cloudflare's own word on its cache, and that assets can be asked for in ranges, which they can be here. */
const ASSET_HEADERS = new Set(['cf-cache-status', 'accept-ranges'])

/** The answer without what Cloudflare's asset server says of itself. */
function asOnCloudflare(answer: Answer): Answer {
  const headers = Object.entries(answer.headers)
    .filter(([name]) => !ASSET_HEADERS.has(name))
    // RFC 9110 15.4.5: a 304 leaves out what says nothing of the cache; Cloudflare's sends it.
    .filter(([name]) => !(answer.status === 304 && name === 'content-type'))
    // A hash of the file's content, by an algorithm of each one's own.
    .map(([name, value]) => [name, name === 'etag' ? value.replace(/"[0-9a-f]{32}"/, '"<hash>"') : value])
  return { ...answer, headers: Object.fromEntries(headers) }
}

let spaces = 0

async function inSpace<Value>(
  app: WorkerApp,
  user: string,
  upstream: Variables,
  work: (variables: Variables) => Promise<Value>,
): Promise<Value> {
  if (app.services === undefined) return work({ ...app.variables, ...upstream })
  const { openSpaces } = await import('../services/index.ts')
  const name = `corpus_${app.name.replaceAll('-', '_')}_${user}_${process.pid}_${++spaces}`
  const space = await openSpaces(app.services, name)
  try {
    const { hyperdrive } = app
    const own = hyperdrive === undefined ? space.variables : hyperdriveUrl(hyperdrive, space.variables)
    return await work({ ...app.variables, ...upstream, ...own })
  } finally {
    await space.close()
  }
}

/** As the targets read it; wrangler takes it from the environment, and only with a password. */
function hyperdriveUrl(binding: string, { DATABASE_URL = '' }: Variables): Variables {
  const url = new URL(DATABASE_URL)
  url.password ||= 'none'
  process.env[`CLOUDFLARE_HYPERDRIVE_LOCAL_CONNECTION_STRING_${binding}`] = url.href
  return { [`${binding}_URL`]: url.href }
}

async function devVariables({ dir, environment }: WorkerApp): Promise<Record<string, string>> {
  const files = environment === undefined ? ['.dev.vars'] : [`.dev.vars.${environment}`, '.dev.vars']
  const found = files.map((file) => join(dir, file)).find((file) => existsSync(file))
  const text = found === undefined ? '' : await readFile(found, 'utf8')
  return parseEnv(text) as Record<string, string>
}

/** Where wrangler reads them; a build for a target learns their names there. */
async function writeVariables(app: WorkerApp, given: Variables): Promise<void> {
  const { [`${app.hyperdrive}_URL`]: _, ...variables } = given
  if (Object.keys(variables).length === 0) return
  const all = { ...(await devVariables(app)), ...variables }
  const lines = Object.entries(all).map(([name, value]) => `${name}=${JSON.stringify(value)}\n`)
  await writeFile(join(dirname(app.config), '.dev.vars'), lines.join(''))
}

function replacements(app: WorkerApp, url: string, variables: Variables): Replacements {
  const own = new Set(Object.keys(app.variables ?? {}))
  return [
    [url, '<origin>'],
    [encodeURIComponent(url), '<origin>'],
    [new URL(url).host, '<host>'],
    ...Object.entries(variables)
      .filter(([name]) => !own.has(name))
      .map(([name, value]) => [value, `<${name}>`] as const),
    ...(app.mask ?? []).map((pattern) => [pattern, '<masked>'] as const),
  ]
}
