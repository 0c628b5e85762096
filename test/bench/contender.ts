import { spawn } from 'node:child_process'
import { type BenchOptions, type BenchResult, median, round, summarize } from './bench.ts'
import type { LoadRequest } from './load.ts'
import { send } from './send.ts'
import { cpuTime } from './process-cpu.ts'

/** A running server. The first of a bench is named `ours`. */
export interface Contender {
  name: string
  url: string
  /** All processes whose time counts; those below them count too. */
  pids: readonly number[]
  stop(): Promise<void>
}

/**
 * Runs `file` with this node; it sends `{ url }` over IPC when it listens, and ends when the channel closes.
 */
export function startScript(name: string, file: string, args: readonly string[]): Promise<Contender> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [file, ...args], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const ended = new Promise<void>((done) => child.once('exit', () => done()))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`${file} ended with code ${code} before it listened.`)))
    child.once('message', (message) => {
      const { url } = message as { url: string }
      resolve({
        name,
        url,
        pids: [child.pid as number],
        async stop() {
          child.disconnect()
          await ended
        },
      })
    })
  })
}

/**
 * CPU time per request of each contender, under the same load, in turn, the order turning with each round: a
 * machine that is slow for a while is slow for all. Answers are compared first: who does less work would win.
 */
export async function compareServers(
  id: string,
  contenders: readonly Contender[],
  request: LoadRequest,
  options: BenchOptions,
): Promise<BenchResult> {
  await checkAnswers(id, contenders, request)
  const cpu = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  const rps = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  const p50 = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  const p99 = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  for (const contender of contenders) await options.load.run(contender.url, request, 1)
  for (let index = 0; index < options.rounds; index++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const { name, url, pids } = contenders[(turn + index) % contenders.length] as Contender
      const before = cpuTime(pids)
      const result = await options.load.run(url, request, options.seconds)
      cpu.get(name)?.push((cpuTime(pids) - before) / result.requests)
      rps.get(name)?.push(result.rps)
      p50.get(name)?.push(result.p50)
      p99.get(name)?.push(result.p99)
    }
    options.log(`${id}: round ${index + 1} of ${options.rounds}`)
  }
  const medians = (values: ReadonlyMap<string, readonly number[]>): Record<string, number> =>
    Object.fromEntries([...values].map(([name, list]) => [name, round(median(list))]))
  const [half, most] = [medians(p50), medians(p99)]
  return {
    ...summarize(id, 'cpu us/request', cpu),
    rps: medians(rps),
    latency: Object.fromEntries(
      contenders.map(({ name }) => [name, { p50: half[name] as number, p99: most[name] as number }]),
    ),
  }
}

async function checkAnswers(
  id: string,
  contenders: readonly Contender[],
  request: LoadRequest,
): Promise<void> {
  const answers = await Promise.all(
    contenders.map(async ({ name, url }) => {
      const { status, text } = await send(url, { ...request, host: request.hosts?.[0] })
      return { name, answer: `${status} ${text}` }
    }),
  )
  for (const { name, answer } of answers) {
    if (answer !== answers[0]?.answer)
      throw new Error(
        `${id}: ${name} answers otherwise than ${answers[0]?.name}: ${answer.slice(0, 200)} against ${answers[0]?.answer.slice(0, 200)}`,
      )
  }
}
