/**
 * Memory of a tenant that has answered once and idles, beside a Worker of workerd's Worker Loader and a node
 * process that serves the same.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type BenchOptions, type BenchResult, summarize } from './bench.ts'
import { type Contender, startScript } from './contender.ts'
import { sameApps, startHost } from './host-server.ts'
import { askEach } from './many-requests.ts'
import { memoryOf } from './process-memory.ts'
import type { Subject } from './subject.ts'

const TENANTS = 300
/** What one idle tenant may take. */
const LIMIT_MB = 3
/** Milliseconds until memory is read: garbage is collected, pools are full again. */
const SETTLE_MS = 4000
const HELLO = 'Hello, world!'
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/** The artifacts on our side, ours first, the bare Worker on the others'. */
export async function memory(
  artifacts: ReadonlyMap<Subject, string>,
  bare: string,
  compatibilityDate: string,
  options: BenchOptions,
): Promise<BenchResult> {
  const figures = new Map<string, number[]>()
  const add = (name: string, megabytes: number): void =>
    void (figures.get(name) ?? figures.set(name, []).get(name))?.push(megabytes)
  const rounds = Math.min(options.rounds, 3)
  const askHosts = (url: string, names: readonly string[]): Promise<void> =>
    askEach(
      url,
      names.map((name) => `${name}.localhost`),
      HELLO,
      4,
    )
  for (let round = 0; round < rounds; round++) {
    for (const [subject, artifact] of artifacts) {
      add(
        subject.name,
        await perTenant(
          await startHost(subject, { processes: 1, apps: sameApps('tenant', TENANTS + 1, artifact) }),
          askHosts,
        ),
      )
    }
    if (options.base === undefined) {
      const loader = await startScript('Worker Loader', here('servers/loader.ts'), [bare, compatibilityDate])
      add('Worker Loader', await perTenant(loader, (url, names) => askPaths(url, names)))
      const node = await startScript('node process', here('servers/http.ts'), ['hello'])
      await sleep(SETTLE_MS / 4)
      add('node process', memoryOf(node.pids))
      await node.stop()
    }
    options.log(`isolate.memory: round ${round + 1} of ${rounds}`)
  }
  figures.set('limit', [LIMIT_MB])
  return {
    ...summarize('isolate.memory', 'MB per idle tenant', figures),
    note: `${TENANTS} tenants in one process, which have answered once`,
  }
}

/** What each of the tenants adds to the first. */
async function perTenant(
  contender: Contender,
  askAll: (url: string, names: readonly string[]) => Promise<void>,
): Promise<number> {
  try {
    const names = Array.from({ length: TENANTS + 1 }, (_, index) => `tenant${index + 1}`)
    await askAll(contender.url, names.slice(0, 1))
    await sleep(SETTLE_MS)
    const before = memoryOf(contender.pids)
    await askAll(contender.url, names.slice(1))
    await sleep(SETTLE_MS)
    return (memoryOf(contender.pids) - before) / TENANTS
  } finally {
    await contender.stop()
  }
}

async function askPaths(url: string, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const response = await fetch(`${url}/${name}`)
    const text = await response.text()
    if (text !== HELLO) throw new Error(`The Worker Loader answered ${response.status} ${text}`)
  }
}
