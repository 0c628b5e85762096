import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeployClient } from '../../adapters/isolate/host/admin/client.ts'
import { reservePort } from '../../core/tools/conformance/backends/ports.ts'
import { sendTo } from '../targets/host-lab.ts'
import { buildWorker } from '../targets/worker-lab.ts'
import { killTree } from './power-cut.ts'
import { signalTree, type SpawnedHost, spawnHost } from './spawned-host.ts'

const APP = 'counter'
const TOKEN = 'token of two hosts'
/** Increments that each host must have acknowledged again before the history goes on. */
const AGAIN = 20

/** What is asked of {@link ownersHistory}. */
export interface OwnersPlan {
  /** Acknowledged increments. */
  increments: number
  /** Times that the owner is killed, with all its processes, and started again on its data. */
  kills: number
  /**
   * Times that the owner stands still for longer than its lease. Meanwhile its data is moved to the other
   * host, which the operator makes the owner; then it goes on.
   */
  pauses: number
}

/** What {@link ownersHistory} has seen. */
export interface OwnersReport {
  acknowledged: number
  kills: number
  pauses: number
  /** Increments that were acknowledged more than once. */
  twice: number[]
  /** Acknowledged increments that the object does not have: it counts to less. */
  lost: number
  /** Answers that are neither an increment nor a refusal. */
  odd: string[]
}

interface Place {
  dir: string
  config: object
  host: SpawnedHost
}

/** A counter, some of whose answers wait while what was counted is stored. */
const SOURCE = `
import { DurableObject } from 'cloudflare:workers'
export class Counter extends DurableObject {
  async hit() {
    const stored = ((await this.ctx.storage.get('stored')) ?? 0) + 1
    await this.ctx.storage.put('stored', stored)
    if (stored % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 500))
    return stored
  }
}
export default {
  async fetch(request, env) { return Response.json(await env.COUNTER.getByName('one').hit()) },
}
`

/**
 * Two hosts with one store and one object, incremented through both of them while its owner is killed and
 * paused. All that is acknowledged must be distinct, and nothing of it lost.
 */
export async function ownersHistory(
  plan: OwnersPlan,
  say: (line: string) => void = () => {},
): Promise<OwnersReport> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-owners-history-'))
  const before = process.env['UNMOOR_HOST_KEY']
  process.env['UNMOOR_HOST_KEY'] = 'key of two hosts'
  const artifact = await buildWorker(
    { name: APP, durable_objects: { bindings: [{ name: 'COUNTER', class_name: 'Counter' }] } },
    SOURCE,
  )
  const places: Place[] = []
  const history = new History()
  try {
    for (const name of ['a', 'b']) places.push(await open(dir, name))
    let owner = places[0] as Place
    let other = places[1] as Place
    await clientOf(owner).deploy(APP, artifact)
    history.start(places)
    const events = inTurn(plan)
    for (const [index, event] of events.entries()) {
      await history.reaches(Math.floor(((index + 1) * plan.increments) / (events.length + 1)))
      if (event === 'kill') await kill(owner)
      else {
        await moveWhilePaused(owner, other, history)
        ;[owner, other] = [other, owner]
      }
      await history.both(places)
      history.report[event === 'kill' ? 'kills' : 'pauses']++
      say(`${event}: ${history.report.acknowledged} increments are acknowledged, and both hosts count on`)
    }
    await history.reaches(plan.increments)
    return await history.end(owner)
  } finally {
    history.stop()
    for (const { host } of places) await killTree(host.child.pid as number)
    for (const folder of [dir, artifact]) await rm(folder, { recursive: true, force: true })
    if (before === undefined) delete process.env['UNMOOR_HOST_KEY']
    else process.env['UNMOOR_HOST_KEY'] = before
  }
}

/** Kills and pauses by turns, as long as there are both. */
function inTurn({ kills, pauses }: OwnersPlan): ('kill' | 'pause')[] {
  return Array.from({ length: Math.max(kills, pauses) }, (_, index) => [
    ...(index < kills ? ['kill' as const] : []),
    ...(index < pauses ? ['pause' as const] : []),
  ]).flat()
}

async function open(dir: string, name: string): Promise<Place> {
  const own = join(dir, name)
  await mkdir(own, { recursive: true })
  // The same after a kill, as the other host and the clients know it.
  const { port } = await reservePort()
  const config = {
    port,
    processes: 1,
    pool: 1,
    pollMs: 100,
    dataDir: own,
    admin: { port: 0, token: TOKEN },
    limits: { cpuMs: 60_000, wallTimeout: 600 },
    store: {
      sql: { driver: 'sqlite', path: join(dir, 'store.sqlite') },
      blob: { driver: 'fs', path: join(dir, 'store-files') },
    },
  }
  return { dir: own, config, host: await spawnHost(`${own}.json`, config) }
}

const clientOf = ({ host }: Place): DeployClient => new DeployClient({ url: host.adminUrl, token: TOKEN })

async function kill(owner: Place): Promise<void> {
  await killTree(owner.host.child.pid as number)
  owner.host = await spawnHost(`${owner.dir}.json`, owner.config)
}

async function moveWhilePaused(owner: Place, other: Place, history: History): Promise<void> {
  const pid = owner.host.child.pid as number
  signalTree(pid, 'SIGSTOP')
  const [from, to] = [owner, other].map(({ dir }) => join(dir, 'apps', APP)) as [string, string]
  await rm(to, { recursive: true, force: true })
  await cp(from, to, { recursive: true })
  // Refused until the lease of the one that stands still has run out.
  for (;;) {
    const error = await clientOf(other)
      .takeOver(APP)
      .then(
        () => undefined,
        (failed: Error) => failed,
      )
    if (error === undefined) break
    if (!/is at work/.test(error.message)) throw error
    await sleep(200)
  }
  await history.both([other])
  signalTree(pid, 'SIGCONT')
}

/** The clients, and what they were told. */
class History {
  readonly report: OwnersReport = { acknowledged: 0, kills: 0, pauses: 0, twice: [], lost: 0, odd: [] }
  #seen = new Set<number>()
  #going = true
  #clients: Promise<void>[] = []

  start(places: readonly Place[]): void {
    this.#clients = [...places, ...places].map(async (place) => {
      while (this.#going) await this.#hit(place)
    })
  }

  /** Resolves when so many are acknowledged. */
  async reaches(count: number): Promise<void> {
    while (this.report.acknowledged < count) await sleep(20)
  }

  /** Resolves when each of these hosts has acknowledged more by itself. */
  async both(places: readonly Place[]): Promise<void> {
    for (const place of places) for (let again = 0; again < AGAIN;) if (await this.#hit(place)) again++
  }

  /** What was acknowledged, once the clients have ended. */
  async end(owner: Place): Promise<OwnersReport> {
    this.stop()
    await Promise.all(this.#clients)
    const last = await sendTo(owner.host.url, APP)
    const highest = Math.max(...this.#seen)
    this.report.lost = Math.max(0, highest + 1 - Number(last.text))
    return this.report
  }

  stop(): void {
    this.#going = false
  }

  /** One increment through a host; true where it was acknowledged. */
  async #hit({ host }: Place): Promise<boolean> {
    const { status, text } = await sendTo(host.url, APP).catch((error: Error) => ({
      status: 0,
      text: error.message,
    }))
    if (status !== 200) {
      if (status !== 0 && status !== 503 && status !== 404) this.report.odd.push(`${status} ${text}`)
      await sleep(20)
      return false
    }
    const stored = Number(text)
    if (!Number.isInteger(stored)) this.report.odd.push(`200 ${text}`)
    else if (this.#seen.has(stored)) this.report.twice.push(stored)
    this.#seen.add(stored)
    this.report.acknowledged++
    return true
  }
}
