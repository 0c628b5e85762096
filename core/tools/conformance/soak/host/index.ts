/**
 * The soak of an `unmoor host`: half of the load that it can bear, a deploy each second, and an app that
 * misbehaves. No other app's request may fail, and memory must stay flat.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DeployClient } from '../../../../../adapters/isolate/host/admin/client.ts'
import type { Log } from '../../../../adapter.ts'
import { buildApp } from '../../../build/build.ts'
import { sleep } from '../../assert.ts'
import { SOAK_APP } from './app.ts'
import { ask, type LoadReport, SoakLoad, type SoakRequest } from './load.ts'
import { startHostProcess } from './process.ts'

/** Options of {@link runHostSoak}. */
export interface HostSoakOptions {
  /** Seconds of load in the host soak. Default: 600. */
  seconds?: number
  /** Number of apps under load in the host soak. Default: 20. */
  tenants?: number
  /** Number of worker processes of the host under soak. Default: one per core. */
  processes?: number
  /** Log of the host soak's progress. Default: none. */
  log?: Log
}

/** Measurements of the soak of `unmoor host`. */
export interface HostSoakReport extends LoadReport {
  seconds: number
  /** Requests per second of the host soak: half of the host's measured capacity. */
  rate: number
  deploys: number
  /** Number of answers of the soak's misbehaving app that named the limit it exceeded. */
  refused: number
  /**
   * Megabytes of memory of all host processes: after the first minute (or fifth of a shorter run), at the
   * end, and the growth per minute between (slope of a line through all readings).
   */
  memory: { steady: number; end: number; perMinute: number }
  exitCode: number | null
  /**
   * The first 20 messages of the host about its processes: processes that ended, were killed because they
   * answered nobody for `stallTimeout`, or were reserved for one app.
   */
  events: string[]
}

const WARM_SECONDS = 2
const DEPLOY_MS = 1000
const LOOP_MS = 5000
const EVENT = /process of the host|The process of "|from now on|is not served|taken over/
const SILENT: Log = { info() {}, warn() {} }

/** Runs the soak of `unmoor host`; takes `seconds` and about ten more. */
export async function runHostSoak(options: HostSoakOptions = {}): Promise<HostSoakReport> {
  const { seconds = 600, tenants = 20, log = SILENT } = options
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-soak-host-'))
  const token = randomUUID()
  try {
    const artifact = await build(dir)
    const events: string[] = []
    const started = performance.now()
    const host = await startHostProcess({
      dataDir: join(dir, 'data'),
      token,
      processes: options.processes,
      onOutput: (line) => {
        if (EVENT.test(line) && events.length < 20)
          events.push(`${Math.round((performance.now() - started) / 1000)} s: ${line}`)
      },
    })
    const client = new DeployClient({ url: host.adminUrl, token })
    const apps = Array.from(
      { length: tenants },
      (_, index) => new SoakApp(`tenant${index}`, client, artifact),
    )
    const wild = new SoakApp('wild', client, artifact)
    let turn = 0
    const load = new SoakLoad(host.url, () => (apps[turn % tenants] as SoakApp).request(turn++))
    try {
      for (const app of [...apps, wild]) await app.deploy()
      await load.capacity(WARM_SECONDS)
      const rate = Math.max(1, Math.floor((await load.capacity(WARM_SECONDS)) / 2))
      log.info(`${rate} requests/s for ${seconds} s`)
      const end = new AbortController()
      const readings: [second: number, megabytes: number][] = []
      const began = performance.now()
      const elapsed = (): number => (performance.now() - began) / 1000
      const every = async (ms: number, work: (count: number) => Promise<void> | void): Promise<void> => {
        for (let count = 0; !end.signal.aborted; count++) {
          await work(count)
          await sleep(
            Math.max(10, Math.min((count + 1) * ms - elapsed() * 1000, seconds * 1000 - elapsed() * 1000)),
          )
        }
      }
      let refused = 0
      const work = Promise.all([
        load.steady(rate, end.signal),
        every(DEPLOY_MS, (count) => (apps[count % tenants] as SoakApp).deploy()),
        every(LOOP_MS, async () => {
          if (await wild.loops(host.url)) refused++
        }),
        every(Math.min(5000, seconds * 50), (count) => {
          readings.push([elapsed(), host.memory()])
          if (count % 12 === 0)
            log.info(
              `${Math.round(elapsed())} s: ${Math.round(readings.at(-1)?.[1] ?? 0)} MB, ` +
                `${load.report().failed} failed of ${load.report().requests}`,
            )
        }),
      ])
      const timer = setTimeout(() => end.abort(), seconds * 1000)
      await work.finally(() => {
        clearTimeout(timer)
        end.abort()
      })
      const memory = trend(readings, Math.min(60, seconds / 5))
      const deploys = [...apps, wild].reduce((sum, app) => sum + app.deploys, 0)
      const report = load.report()
      load.close()
      const exitCode = await host.stop()
      return { seconds: Math.round(elapsed()), rate, deploys, refused, ...report, memory, exitCode, events }
    } finally {
      load.close()
      await host.stop()
    }
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 3 })
  }
}

async function build(dir: string): Promise<string> {
  const projectDir = join(dir, 'project')
  await mkdir(join(projectDir, 'src'), { recursive: true })
  await writeFile(join(projectDir, 'src/app.ts'), SOAK_APP)
  await writeFile(join(projectDir, 'package.json'), JSON.stringify({ name: 'soak', type: 'module' }))
  return (await buildApp({ projectDir, target: 'isolate' })).outDir
}

/** One app under load in the host soak, and its versions that may answer now. */
class SoakApp {
  #name: string
  #client: DeployClient
  #artifact: string
  /**
   * Words in answers that name the version of an app under soak: the live version and, during a deploy, also
   * the next one.
   */
  #words = new Set<string>()
  deploys = 0

  constructor(name: string, client: DeployClient, artifact: string) {
    this.#name = name
    this.#client = client
    this.#artifact = artifact
  }

  async deploy(): Promise<void> {
    const word = `${this.#name}-${this.deploys}`
    const before = [...this.#words]
    this.#words.add(word)
    await this.#client.deploy(this.#name, this.#artifact, { settings: { variables: { WORD: word } } })
    this.deploys++
    for (const old of before) this.#words.delete(old)
  }

  /**
   * Returns a request to the app that accepts an answer of any version that was live while it was under way.
   */
  request(turn: number): SoakRequest {
    const known = new Set(this.#words)
    const kind = turn % 10
    const [path, body, rest]: [string, string | undefined, string] =
      kind < 7
        ? ['/', undefined, 'hello']
        : kind < 9
          ? ['/kv', 'x'.repeat(100), 'kept']
          : ['/echo', 'x'.repeat(1024), '1024']
    return {
      host: `${this.#name}.localhost`,
      path,
      ...(body === undefined ? {} : { body }),
      wrong: (status, text) => {
        const [word, said] = text.split(' ')
        const isKnown = word !== undefined && (known.has(word) || this.#words.has(word))
        return status === 200 && isKnown && said === rest ? undefined : `${status} ${text}`
      },
    }
  }

  /**
   * Makes the soak's misbehaving app exceed its CPU limit; resolves to true if the answer names the limit.
   */
  async loops(url: string): Promise<boolean> {
    // The misbehaving app's answer does not name the CPU limit if the app's process is just being replaced.
    const { status, text } = await ask(url, false, { host: `${this.#name}.localhost`, path: '/loop' })
    return status === 503 && text.includes('CPU time')
  }
}

/** Returns the host's memory at the start and end, and the slope of the line through the readings between. */
function trend(readings: readonly (readonly [number, number])[], from: number): HostSoakReport['memory'] {
  const steady = readings.filter(([second]) => second >= from)
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
  const [x, y] = [mean(steady.map(([second]) => second)), mean(steady.map(([, megabytes]) => megabytes))]
  const slope =
    steady.reduce((sum, [second, megabytes]) => sum + (second - x) * (megabytes - y), 0) /
    Math.max(
      1e-9,
      steady.reduce((sum, [second]) => sum + (second - x) ** 2, 0),
    )
  const part = Math.max(1, Math.floor(steady.length / 5))
  const round = (value: number): number => Math.round(value * 10) / 10
  return {
    steady: round(mean(steady.slice(0, part).map(([, megabytes]) => megabytes))),
    end: round(mean(steady.slice(-part).map(([, megabytes]) => megabytes))),
    perMinute: round(slope * 60),
  }
}
