/**
 * What neighbours feel of one tenant in an endless loop and one that takes all memory: their latency beside
 * that in quiet.
 */
import { Agent } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BenchOptions, type BenchResult, median, round } from './bench.ts'
import { sameApps, startHost } from './host-server.ts'
import { ask } from './many-requests.ts'
import type { Subject } from './subject.ts'

const QUIET_TENANTS = 10
/** Requests per second, whether or not earlier ones are answered: who waits is not asked less often. */
const RATE = 200
const HELLO = '200 Hello, world!'
/** What the neighbours' 99th percentile may grow to, in quiet ones. */
const LIMIT = 3
const SETTLE_SECONDS = 10

interface Latencies {
  p50: number
  p99: number
}

export async function noisy(
  subject: Subject,
  artifact: string,
  hostile: string,
  options: BenchOptions,
): Promise<BenchResult> {
  const apps = {
    ...sameApps('tenant', QUIET_TENANTS, artifact),
    loop: { dir: hostile },
    bomb: { dir: hostile },
  }
  const host = await startHost(subject, { processes: 2, apps })
  const agent = new Agent({ keepAlive: true })
  try {
    await load(host.url, agent, 1)
    const [quiet, loud]: [Latencies[], Latencies[]] = [[], []]
    let answers = 0
    // The host finds the noisy ones out in the first seconds; what the neighbours feel until then is told
    // beside.
    const first = { before: await load(host.url, agent, SETTLE_SECONDS), with: { p50: 0, p99: 0 } }
    const beginning = { on: true }
    const start = disturbAll(host.url, beginning)
    first.with = await load(host.url, agent, SETTLE_SECONDS)
    beginning.on = false
    await start
    for (let index = 0; index < options.rounds; index++) {
      quiet.push(await load(host.url, agent, options.seconds * 2))
      const going = { on: true }
      const noise = disturbAll(host.url, going)
      await sleep(200)
      loud.push(await load(host.url, agent, options.seconds * 2))
      going.on = false
      answers += await noise
      options.log(
        `isolate.noisy: round ${index + 1} of ${options.rounds}: p99 ${round(quiet.at(-1)?.p99 ?? 0)} ms in quiet, ${round(loud.at(-1)?.p99 ?? 0)} ms with noise`,
      )
      await sleep(500)
    }
    const middle = (list: Latencies[], name: keyof Latencies): number => median(list.map((one) => one[name]))
    const [before, after] = [middle(quiet, 'p99'), middle(loud, 'p99')]
    return {
      id: 'isolate.noisy',
      unit: `ms, p99 of ${QUIET_TENANTS} neighbours beside a loop and a bomb`,
      ours: round(after),
      against: { quiet: round(before), limit: round(before * LIMIT) },
      ratio: { quiet: round(before / after), limit: round((before * LIMIT) / after) },
      latency: {
        ours: { p50: round(middle(loud, 'p50')), p99: round(after) },
        quiet: { p50: round(middle(quiet, 'p50')), p99: round(before) },
      },
      spread: { ours: 0 },
      note: `${(after / before).toFixed(2)} times the quiet p99, at ${RATE} requests/s on 2 processes; first ${SETTLE_SECONDS} s: ${first.before.p99.toFixed(1)} ms, ${first.with.p99.toFixed(1)} with noise; every neighbour's request was answered; ${answers} requests of the two were refused by name`,
    }
  } finally {
    agent.destroy()
    await host.stop()
  }
}

/** At a steady rate; each is timed from when it was due. @throws for an answer that is none. */
async function load(url: string, agent: Agent, seconds: number): Promise<Latencies> {
  const took: number[] = []
  const waiting: Promise<void>[] = []
  const began = performance.now()
  for (let index = 0; index < RATE * seconds; index++) {
    const due = began + (index * 1000) / RATE
    const wait = due - performance.now()
    if (wait > 0) await sleep(wait)
    const host = `tenant${1 + (index % QUIET_TENANTS)}.localhost`
    // From when it is sent: the generator's own timers are late by up to a millisecond, in quiet too.
    const sent = Math.max(due, performance.now())
    waiting.push(
      ask(url, host, agent).then((answer) => {
        if (answer !== HELLO) throw new Error(`isolate.noisy: ${host} answered ${answer}`)
        took.push(performance.now() - sent)
      }),
    )
  }
  await Promise.all(waiting)
  took.sort((a, b) => a - b)
  const at = (quantile: number): number =>
    took[Math.min(took.length - 1, Math.floor(took.length * quantile))] as number
  return { p50: at(0.5), p99: at(0.99) }
}

/** Two clients each. Returns how many requests were refused. */
async function disturbAll(url: string, going: { on: boolean }): Promise<number> {
  const noise = ['loop', 'loop', 'bomb', 'bomb'].map((name) => disturb(url, name, `/${name}`, going))
  return (await Promise.all(noise)).reduce((sum, count) => sum + count, 0)
}

/**
 * One request after the other to the same tenant, each on a connection of its own, so that both processes get
 * some. Returns how many were refused.
 */
async function disturb(url: string, name: string, path: string, going: { on: boolean }): Promise<number> {
  const agent = new Agent({ keepAlive: false })
  let refused = 0
  while (going.on) {
    const answer = await ask(url, `${name}.localhost`, agent, { path }).catch((error: Error) => error.message)
    if (answer.startsWith('503')) refused++
    // A client that is refused at once would only measure itself.
    await sleep(5)
  }
  return refused
}
