/** How many tenants one host holds: 1,000 that live, and 10,000 that take turns in 500 isolates. */
import { setTimeout as sleep } from 'node:timers/promises'
import { type BenchOptions, type BenchResult, round } from './bench.ts'
import type { Contender } from './contender.ts'
import { freePort } from './free-port.ts'
import { sameApps, startHost } from './host-server.ts'
import { askEach } from './many-requests.ts'
import { memoryOf } from './process-memory.ts'
import type { Subject } from './subject.ts'

const LIVE = 1000
const REGISTERED = 10_000
/** With `--quick`. */
const REGISTERED_QUICK = 1500
const MAX_LIVE = 500
const PASSES = 4
/** Memory is compared with what it was after this one. */
const STEADY = 3
const SETTLE_MS = 3000
const HELLO = 'Hello, world!'
/** Not what is measured: on a busy machine the wait for a core counts as CPU time of the start. */
const limits = { startupCpuMs: 20_000 }

const hostsOf = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `tenant${index + 1}.localhost`)

/**
 * `ours` is the memory after the last pass, compared with that after the third: a ratio below 1 is growth.
 */
export async function density(
  subject: Subject,
  artifact: string,
  options: BenchOptions,
): Promise<BenchResult> {
  const alive = await many(subject, artifact, options)
  const registered = options.rounds <= 3 ? REGISTERED_QUICK : REGISTERED
  const adminPort = await freePort()
  const host = await startHost(subject, {
    processes: 1,
    limits,
    maxIsolates: MAX_LIVE,
    apps: sameApps('tenant', registered, artifact),
    admin: { port: adminPort },
  })
  try {
    const memories: number[] = []
    for (let pass = 1; pass <= PASSES; pass++) {
      await askEach(host.url, hostsOf(registered), HELLO, 4)
      await sleep(SETTLE_MS)
      memories.push(memoryOf(host.pids))
      options.log(`isolate.density: pass ${pass} of ${PASSES}, ${Math.round(memories.at(-1) as number)} MB`)
    }
    const { live, evictions } = await figures(adminPort)
    if (live > MAX_LIVE) throw new Error(`isolate.density: ${live} isolates live, where ${MAX_LIVE} may.`)
    const [last, steady] = [memories.at(-1) as number, memories[STEADY - 1] as number]
    return {
      id: 'isolate.density',
      unit: `MB with ${MAX_LIVE} live of ${registered.toLocaleString('en')}, after pass ${PASSES}`,
      ours: round(last),
      against: { [`after pass ${STEADY}`]: round(steady) },
      ratio: { [`after pass ${STEADY}`]: round(steady / last) },
      spread: { ours: 0 },
      note: `${alive}; ${registered} registered: all answered in ${PASSES} passes, ${evictions} evictions; MB by pass: ${memories.map(Math.round).join(', ')}`,
    }
  } finally {
    await host.stop()
  }
}

/** All at once. */
async function many(subject: Subject, artifact: string, options: BenchOptions): Promise<string> {
  const adminPort = await freePort()
  const host: Contender = await startHost(subject, {
    processes: 1,
    limits,
    maxIsolates: LIVE,
    apps: sameApps('tenant', LIVE, artifact),
    admin: { port: adminPort },
  })
  try {
    await askEach(host.url, hostsOf(LIVE), HELLO, 4)
    await askEach(host.url, hostsOf(LIVE), HELLO, 16)
    const { live } = await figures(adminPort)
    const text = `${live} of ${LIVE} live at once, all answered twice, ${Math.round(memoryOf(host.pids))} MB`
    if (live !== LIVE) throw new Error(`isolate.density: ${text}`)
    options.log(`isolate.density: ${text}`)
    return text
  } finally {
    await host.stop()
  }
}

async function figures(adminPort: number): Promise<{ live: number; evictions: number }> {
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`)).text()
  const evictions = [...text.matchAll(/^unmoor_isolate_evictions_total\{.*\} (\d+)$/gm)].reduce(
    (sum, match) => sum + Number(match[1]),
    0,
  )
  return { live: Number(/^unmoor_isolates (\d+)$/m.exec(text)?.[1]), evictions }
}
