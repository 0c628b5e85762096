import { connect } from 'node:net'
import { readdirSync, readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text as readAll } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { startHost, HostConfig } from '../../adapters/isolate/host/index.ts'
import { type HostLab, sendTo, startHostLab } from '../targets/host-lab.ts'
import { appOf, type Cast, type Tenant } from './cast.ts'
import { built } from './builds.ts'

/** What is the victim's alone: whoever else is told it has another tenant's bytes. */
export const CANARY = 'canary-5d0b7a1e'
/** Token of the admin port, which no tenant may see. */
export const ADMIN_TOKEN = 'correct horse battery staple 7c1f'

/** An answer to an attacker. */
export interface Answer {
  status: number
  text: string
}

/** What `probe.mjs` prints. */
interface Probe {
  pid: number
  added: string[]
}

const made = (tenant: Tenant | (() => Promise<Tenant>)): Tenant | Promise<Tenant> =>
  typeof tenant === 'function' ? tenant() : tenant

/** Seconds of CPU time in which the host has ended a process that nothing else stops: ten times its own. */
const MOST_CPU_SECONDS = 120

/** Lines of a host that did not start which are shown. */
const MOST_LINES = 40

/** Seconds that a process was on cores, all its threads; 0 where it has ended, or there is no /proc. */
function cpuSeconds(pid: number): number {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return 0
  }
}

/** Looks in all of which a thread that is in code without end wants a core, 100 ms apart. */
const LOOKS = 10

/** Ids of the threads of a process that are on a core or wait for one; none if there is no /proc. */
function threadsAtWork(pid: number): Set<string> {
  const isAtWork = (tid: string): boolean => {
    try {
      const text = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8')
      return text.charAt(text.lastIndexOf(')') + 2) === 'R'
    } catch {
      return false
    }
  }
  try {
    return new Set(readdirSync(`/proc/${pid}/task`).filter(isAtWork))
  } catch {
    return new Set()
  }
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Starts a host. @throws what kept it from starting, with what its processes printed. */
async function startSpeaking(config: HostConfig, start: typeof startHost): Promise<HostLab> {
  const lines: string[] = []
  const listen: typeof startHost = ({ onOutput, ...options }) =>
    start({
      ...options,
      onOutput(line) {
        // The end is what the lab keeps; this is of the start.
        if (lines.length < MOST_LINES) lines.push(line)
        onOutput?.(line)
      },
    })
  return startHostLab(config, [], listen).catch((error: unknown) => {
    throw new Error(`${String(error)} Its processes said: ${lines.join(' | ') || 'nothing'}`, {
      cause: error,
    })
  })
}

/** What an attacker was answered has bytes that are not its own. */
export class Leak extends Error {}

/** A running host, its tenants, and what an attack may ask of them. */
export class World implements AsyncDisposable {
  readonly lab: HostLab
  /** Starts another host of the same package. */
  readonly start: typeof startHost
  readonly config: HostConfig
  #more: HostLab[] = []
  #sharedPid: number
  #acknowledged = 0
  /** Apps that have ended the shared process, as they may once. */
  #ended = new Set<string>()
  /** Apps whose attacks may end it at any time after them. */
  #mayEnd = new Set<string>()

  private constructor(lab: HostLab, start: typeof startHost, config: HostConfig) {
    this.lab = lab
    this.start = start
    this.config = config
    this.#sharedPid = lab.host.sharedPids[0] as number
  }

  /**
   * Starts a host with the tenants of these classes and a neighbour that they are not to harm. `only`: names of
   * the attacks that are tried, by class; the others' tenants are left out.
   */
  static async open(
    classes: readonly Cast[],
    start: typeof startHost,
    more: Partial<HostConfig> = {},
    only?: ReadonlyMap<string, readonly string[]>,
  ): Promise<World> {
    const tenants: Record<string, Tenant> = {
      neighbour: {
        build: 'lab',
        variables: { WORD: 'neighbour' },
        secrets: { KEY: CANARY },
        // What is asked of it is whether it answers, and not when.
        limits: { cpuMs: 60_000, wallTimeout: 600 },
      },
    }
    for (const one of classes) {
      const tenant = await made(one.tenant)
      const chosen = only?.get(one.name)
      one.attacks.forEach(({ name }, index) => {
        if (chosen === undefined || chosen.includes(name)) tenants[appOf(one, index)] = tenant
      })
      for (const [name, other] of Object.entries(one.others ?? {})) tenants[name] = await made(other)
    }
    const apps: NonNullable<HostConfig['apps']> = Object.fromEntries(
      await Promise.all(
        Object.entries(tenants).map(async ([name, { build, ...settings }]) => [
          name,
          {
            dir: await built(build),
            ...(build === 'lab' || build === 'raw' ? { secrets: { KEY: 'of its own' } } : {}),
            ...settings,
          },
        ]),
      ),
    )
    const options = `NODE_OPTIONS=--import=${pathToFileURL(fileURLToPath(new URL('probe.mjs', import.meta.url))).href}`
    const config: HostConfig = {
      // One process, so that the neighbour shares everything with the attackers.
      processes: 1,
      pool: 2,
      maxIsolates: 300,
      stallTimeout: 4,
      uploadTimeout: 2,
      admin: { port: 0, token: ADMIN_TOKEN },
      ...more,
      guard: { ...more.guard, wrapper: ['env', options, ...(more.guard?.wrapper ?? [])] },
      apps,
    }
    const world = new World(await startSpeaking(config, start), start, config)
    await world.#fillNeighbour()
    return world
  }

  /** The process in which all apps run that have none of their own. */
  get sharedPid(): number {
    return this.#sharedPid
  }

  async #fillNeighbour(): Promise<void> {
    await this.lab.run(
      'neighbour',
      `await env.kv.put('canary', '${CANARY}'); await env.db.run('CREATE TABLE canary (a TEXT)');
       await env.db.run('INSERT INTO canary VALUES (?)', ['${CANARY}']);
       await env.files.put('canary', '${CANARY}'); await env.pages.put('https://canary.example/', new Response('${CANARY}', { headers: { 'cache-control': 'max-age=3600' } }));
       globalThis.kept = await crypto.subtle.importKey('raw', new TextEncoder().encode('${CANARY}'), { name: 'HMAC', hash: 'SHA-256' }, true, ['sign'])`,
    )
  }

  /**
   * The harm that was done, if any: the neighbour must be served by the same process as ever, and have all
   * that it was told is stored.
   */
  async harmDone(): Promise<string | undefined> {
    const { host } = this.lab
    if (host.sharedPids[0] !== this.#sharedPid) return this.#comeBack()
    const next = this.#acknowledged + 1
    const answer = await this.#ask(
      `const before = await env.kv.get('acknowledged'); await env.kv.put('acknowledged', '${next}');
          return [before, env.word, typeof {}.leak, [1, 2].map((x) => x + 1).join(), await env.kv.get('canary'), (await env.db.all('SELECT a FROM canary'))[0]?.a, await (await env.files.get('canary'))?.text()]`,
    )
    const right = [
      this.#acknowledged === 0 ? null : String(this.#acknowledged),
      'neighbour', 'undefined', '2,3', CANARY, CANARY, CANARY,
    ] // prettier-ignore
    if (host.sharedPids[0] !== this.#sharedPid || answer.status === 0) return this.#comeBack()
    if (answer.status !== 200 || answer.text !== JSON.stringify({ value: right }))
      return `the neighbour was answered ${answer.status} ${answer.text.slice(0, 300)}`
    this.#acknowledged = next
    return undefined
  }

  /**
   * Waits until no thread of the shared process is at work on and on, or that has ended: code that goes on
   * after its answer ends it later, under the eyes of another attack.
   */
  async comesToRest(): Promise<void> {
    const { host } = this.lab
    while (host.sharedPids[0] === this.#sharedPid) {
      let busy = threadsAtWork(this.#sharedPid)
      for (let look = 0; look < LOOKS && busy.size > 0; look++) {
        await sleep(100)
        busy = busy.intersection(threadsAtWork(this.#sharedPid))
      }
      if (busy.size === 0) return
    }
  }

  /** Notes that an app may end the shared process once, also after its attack. */
  mayEnd(app: string): void {
    this.#mayEnd.add(app)
  }

  /**
   * True if the shared process was ended last by an app that may do so once, whose code had gone on since its
   * attack, and which is kept apart for it: what is tried now, by the app `now`, is not to blame.
   */
  async wasEndedLate(now?: string): Promise<boolean> {
    const told = this.lab.lines.findLast((line) => line.startsWith('A process of the host ended'))
    const app = /, while it ran ([^,;]+);/.exec(told ?? '')?.[1]
    if (app === undefined || app === now || !this.#mayEnd.has(app) || this.#ended.has(app)) return false
    return (await this.keepsApart(app)) === undefined
  }

  /** Waits until the shared process has ended and another serves; undefined where it goes on and on. */
  async processEnds(): Promise<string | undefined> {
    const before = cpuSeconds(this.#sharedPid)
    while (this.lab.host.sharedPids[0] === this.#sharedPid) {
      if (cpuSeconds(this.#sharedPid) - before > MOST_CPU_SECONDS) return undefined
      await sleep(50)
    }
    return this.#comeBack()
  }

  /** Starts another host of the package with the same apps, port and data. It ends with this world. */
  async startBeside(): Promise<HostLab> {
    const beside = await startHostLab({ ...this.config, dataDir: join(this.lab.dir, 'data') }, [], this.start)
    this.#more.push(beside)
    return beside
  }

  /** Kills the process that apps share, and waits until another serves. */
  async endShared(): Promise<void> {
    process.kill(this.#sharedPid, 'SIGKILL')
    await this.processEnds()
  }

  /**
   * Waits until an app that has ended a process is served by one of its own. What is wrong where it, or
   * another, is not kept apart as it should be.
   */
  async keepsApart(app: string): Promise<string | undefined> {
    this.#ended.add(app)
    // Said before the next process serves.
    if (!(await this.#alone()).includes(app)) return 'the app goes on in the process that all share'
    const kept = async (): Promise<string[]> =>
      JSON.parse(
        await readFile(join(this.lab.dir, 'data', 'apart.json'), 'utf8').catch(() => '[]'),
      ) as string[]
    for (let time = 0; time < 1200 && !(await kept()).includes(app); time++) await sleep(50)
    const names = await kept()
    if (!names.includes(app)) return 'the app is not kept apart by its name'
    const innocent = names.find((name) => !this.#ended.has(name))
    if (innocent !== undefined) return `"${innocent}" is kept apart too`
    while ((await this.lab.send(app).catch(() => ({ status: 0 }))).status !== 200) await sleep(50)
    return undefined
  }

  /** Waits for the process that takes the place of the one that ended; what the ended one said. */
  async #comeBack(): Promise<string> {
    const { host, lines } = this.lab
    // What apps say stands in brackets.
    const last = lines
      .filter((line) => !/^\[|^ {4}\S*$/.test(line))
      .slice(-12)
      .join(' | ')
      .slice(-1500)
    const before = this.#sharedPid
    // Another host of this port may answer while this one has not noticed yet that its process has ended.
    const serves = async (): Promise<boolean> =>
      host.sharedPids[0] !== undefined &&
      (host.sharedPids[0] !== before || isRunning(before)) &&
      (await this.#ask('return 1')).status === 200
    while (!(await serves())) await sleep(50)
    this.#sharedPid = host.sharedPids[0] as number
    if (this.#sharedPid === before) return `the neighbour was not answered: ${last}`
    const told = lines.findLast((line) => line.startsWith('A process of the host ended'))
    return `the shared process ended: ${last}; the host says: ${told}`
  }

  #ask(body: string): Promise<Answer> {
    return this.lab
      .send('neighbour', { method: 'POST', body })
      .catch((error: Error) => ({ status: 0, text: error.message }))
  }

  /** Sends a request for an app, as an attacker. @throws Leak where the answer is not the attacker's to see. */
  async send(app: string, init: Parameters<HostLab['send']>[1] = {}): Promise<Answer> {
    return this.#checked(await this.lab.send(app, init))
  }

  /** Has an app run code. */
  async code(app: string, body: string): Promise<Answer> {
    const answer = await this.send(app, { method: 'POST', body })
    // An attack with a slip of the pen is none, and would hold for ever.
    if (answer.status === 299 && /^\{"name":"(ReferenceError|SyntaxError)"/.test(answer.text))
      throw new Error(`The attack is no code that runs: ${answer.text.slice(0, 200)}`)
    return answer
  }

  /** What code returned. @throws what is not 200. */
  async value(app: string, body: string): Promise<unknown> {
    const { status, text } = await this.code(app, body)
    if (status !== 200) throw new Error(`${app}: ${status} ${text.slice(0, 300)}`)
    return (JSON.parse(text) as { value: unknown }).value
  }

  /** Apps that have a process of their own. */
  async #alone(): Promise<string[]> {
    const { text } = await this.admin('/v1/apps', { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })
    return (JSON.parse(text) as { alone: string[] }).alone
  }

  /** Has an app run into its limit of CPU time until it has a process of its own. Once. */
  async setApart(app: string): Promise<void> {
    const isApart = async (): Promise<boolean> => (await this.#alone()).includes(app)
    for (let hit = 0; hit < 12 && !(await isApart()); hit++) await this.code(app, 'for (;;);')
    while (!(await isApart())) await sleep(20)
    while ((await this.send(app)).status !== 200) await sleep(20)
  }

  /** Sends bytes to the host's port; returns all that comes until the other side closes. */
  async exchange(sent: string, url = this.lab.host.url): Promise<string> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.setEncoding('latin1').setTimeout(20_000, () => socket.destroy(new Error('no end')))
    socket.write(sent, 'latin1')
    return this.#checked({ status: 0, text: await readAll(socket) }).text
  }

  /** A request to the admin port. */
  async admin(path: string, init: Parameters<typeof sendTo>[2] = {}): Promise<Answer> {
    return sendTo(this.lab.host.adminUrl as string, 'admin', { path, ...init })
  }

  #checked(answer: Answer): Answer {
    for (const secret of [CANARY, ADMIN_TOKEN, this.lab.dir])
      if (answer.text.includes(secret))
        throw new Leak(`the answer has ${secret}: ${answer.text.slice(0, 200)}`)
    return answer
  }

  /** How often the host has counted a limit for each app, as `app limit`. */
  async hits(): Promise<Map<string, number>> {
    const { text } = await this.admin('/metrics')
    const found = text.matchAll(/^unmoor_limit_hits_total\{app="([^"]+)",limit="([^"]+)"\} (\S+)$/gm)
    return new Map([...found].map(([, app, limit, count]) => [`${app} ${limit}`, Number(count)]))
  }

  /** What the host has counted of an app. */
  async metric(name: string, app: string): Promise<number> {
    const { text } = await this.admin('/metrics')
    return Number(new RegExp(`^${name}\\{app="${app}"\\} (\\S+)$`, 'm').exec(text)?.[1] ?? 0)
  }

  /** What was added to the built-in prototypes of the shared process. */
  async pollution(): Promise<string[]> {
    const since = this.lab.lines.length
    process.kill(this.#sharedPid, 'SIGUSR2')
    for (let time = 0; time < 500; time++) {
      for (const line of this.lab.lines.slice(since)) {
        const told = line.startsWith('probe ') ? (JSON.parse(line.slice(6)) as Probe) : undefined
        if (told?.pid === this.#sharedPid) return told.added
      }
      await sleep(20)
    }
    throw new Error('The process does not tell what is in its prototypes.')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const beside of this.#more) await beside[Symbol.asyncDispose]()
    await this.lab[Symbol.asyncDispose]()
  }
}
