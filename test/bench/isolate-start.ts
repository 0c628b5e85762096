/**
 * How long a never-seen tenant takes from its first request to its first answer: one at a time, in turn with
 * the peers.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type BenchOptions, type BenchResult, summarize } from './bench.ts'
import { type Contender, startScript } from './contender.ts'
import { sameApps, startHost } from './host-server.ts'
import { send } from './send.ts'
import type { Subject } from './subject.ts'

/** What is started: the artifact on our side, the bare Worker on the others'. */
export interface StartSubject {
  /** Artifacts by who built them, ours first. */
  artifacts: ReadonlyMap<Subject, string>
  bare: string
  compatibilityDate: string
}

/** Starts per round and contender; a node process is started once. */
const STARTS = 20
/** Milliseconds between two starts: the pool fills up again. */
const PAUSE = 60
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** From an isolate that has waited with the web API loaded. */
export function pooled(subject: StartSubject, options: BenchOptions): Promise<BenchResult> {
  return compareStarts('isolate.start.pooled', subject, {}, options)
}

/** From nothing: no isolate waits. Beside it, a node process that serves the same. */
export function cold(subject: StartSubject, options: BenchOptions): Promise<BenchResult> {
  return compareStarts('isolate.start.cold', subject, { pool: 0 }, options)
}

async function compareStarts(
  id: string,
  subject: StartSubject,
  config: { pool?: number },
  options: BenchOptions,
): Promise<BenchResult> {
  const contenders: Contender[] = []
  const figures = new Map<string, number[]>()
  const add = (name: string, took: number): void =>
    void (figures.get(name) ?? figures.set(name, []).get(name))?.push(took)
  try {
    // The first start of all loads the host's own code.
    const count = options.rounds * STARTS + 1
    for (const [built, artifact] of subject.artifacts)
      contenders.push(
        await startHost(built, { ...config, processes: 1, apps: sameApps('tenant', count, artifact) }),
      )
    const hosts = new Set(contenders)
    if (options.base === undefined)
      contenders.push(
        await startScript('Worker Loader', here('servers/loader.ts'), [
          subject.bare,
          subject.compatibilityDate,
        ]),
      )
    let next = 1
    const start = async (contender: Contender, tenant: number): Promise<number> => {
      await sleep(PAUSE)
      const began = performance.now()
      const path = hosts.has(contender) ? '/' : `/${tenant}`
      const { status, text } = await send(contender.url, {
        method: 'GET',
        path,
        host: `tenant${tenant}.localhost`,
      })
      const took = performance.now() - began
      if (status !== 200 || text !== 'Hello, world!')
        throw new Error(`${id}: ${contender.name} answered ${status} ${text}`)
      return took
    }
    for (const contender of contenders) await start(contender, next)
    next++
    for (let round = 0; round < options.rounds; round++) {
      for (let index = 0; index < STARTS; index++, next++) {
        for (let turn = 0; turn < contenders.length; turn++) {
          const contender = contenders[(turn + index) % contenders.length] as Contender
          add(contender.name, await start(contender, next))
        }
        // The same request once more: what the request, its connection and a machine that was idle take by
        // themselves.
        for (const contender of contenders) add(`${contender.name}, once more`, await start(contender, next))
      }
      if (options.base === undefined) add('node process', await startNode())
      options.log(`${id}: round ${round + 1} of ${options.rounds}`)
    }
    return { ...summarize(id, 'ms', figures), latency: quantiles(figures) }
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()))
  }
}

function quantiles(
  figures: ReadonlyMap<string, readonly number[]>,
): Record<string, { p50: number; p99: number }> {
  const at = (values: readonly number[], quantile: number): number =>
    values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * quantile)] as number
  return Object.fromEntries(
    [...figures].map(([name, values]) => [name, { p50: at(values, 0.5), p99: at(values, 0.99) }]),
  )
}

/** From spawn to the first answer. */
async function startNode(): Promise<number> {
  const began = performance.now()
  const child = spawn(process.execPath, [here('servers/http.ts'), 'hello'], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [message] = (await once(child, 'message')) as [{ url: string }]
  const response = await fetch(message.url)
  await response.text()
  const took = performance.now() - began
  child.disconnect()
  await once(child, 'exit')
  return took
}
