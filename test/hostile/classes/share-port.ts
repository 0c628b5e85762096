import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { reservePort } from '../../../core/tools/conformance/backends/ports.ts'
import type { Host, HostConfig } from '../../../adapters/isolate/host/index.ts'
import { type Attack, type AttackClass, harmful, held, type Outcome } from '../attack.ts'
import type { World } from '../world.ts'

const COUNTER = 'share-port-counter'
/** Acknowledged increments that an attack waits for, before the kill and after it. */
const HITS = 6
const INCREMENT = `return env.ROOM.getByName('one').run(${JSON.stringify(`const n = ((await state.storage.get('n')) ?? 0) + 1; await state.storage.put('n', n); return n`)})`

/** The hosts of a world: the first, and the one that has been started beside it on the same port and data. */
interface Pair {
  world: World
  first: Host
  second: Host
}

const pairs = new WeakMap<World, Pair>()
/** Every increment that was acknowledged, by world. */
const acknowledged = new WeakMap<World, Set<number>>()

async function shared(host: Host): Promise<number> {
  while (host.sharedPids[0] === undefined) await sleep(10)
  return host.sharedPids[0]
}

/** Ends the process that apps of a host share, and waits for the next. */
async function endShared(host: Host): Promise<void> {
  const pid = await shared(host)
  process.kill(pid, 'SIGKILL')
  while (host.sharedPids[0] === undefined || host.sharedPids[0] === pid) await sleep(10)
}

/** Ends the processes of apps that have one of their own, whichever host runs them. */
function endOwn({ first, second }: Pair, signal: NodeJS.Signals = 'SIGKILL'): void {
  for (const { pids, sharedPids } of [first, second])
    for (const pid of pids) if (!sharedPids.includes(pid)) process.kill(pid, signal)
}

/** What happens while requests are under way. */
const KILLS: Readonly<Record<string, (pair: Pair) => Promise<void>>> = {
  'the first host’s shared process is killed': ({ world }) => world.endShared(),
  'the second host’s shared process is killed': ({ second }) => endShared(second),
  'both shared processes are killed': async ({ world, second }) =>
    void (await Promise.all([world.endShared(), endShared(second)])),
  'the process of the objects stands still': async (pair) => {
    endOwn(pair, 'SIGSTOP')
    await sleep(300)
    endOwn(pair, 'SIGCONT')
  },
}
/** The same, for which a host waits longer each time before it starts the process again. */
const KILLS_OF_OBJECTS: typeof KILLS = {
  'the process of the objects is killed': async (pair) => endOwn(pair),
  'every process is killed': async (pair) => {
    endOwn(pair)
    await Promise.all([pair.world.endShared(), endShared(pair.second)])
  },
}

type Work = (world: World, app: string) => Promise<string>

/** What an attacker does meanwhile, again and again; it returns what it was answered. */
const WORKS: Readonly<Record<string, Work>> = {
  'fields that hosts sign': (world, app) =>
    world.exchange(
      `POST / HTTP/1.1\r\nHost: ${app}.localhost\r\nConnection: close\r\nUnmoor-Host-Forward: ${COUNTER} ${Date.now()} 1 ${'a'.repeat(43)}\r\nUnmoor-Host-Peer: http 192.0.2.1 1\r\nContent-Length: 22\r\n\r\nreturn typeof env.ROOM`,
    ),
  'requests behind each other': (world, app) =>
    world.exchange(
      [1, 2, 3]
        .map(
          (n) =>
            `GET /${n} HTTP/1.1\r\nHost: ${app}.localhost\r\n${n === 3 ? 'Connection: close\r\n' : ''}\r\n`,
        )
        .join(''),
    ),
  'bodies that stop half way': halfSent,
}

/** Half a request to the counter, whose connection is then cut. */
function halfSent(world: World): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(Number(new URL(world.lab.host.url).port), '127.0.0.1')
    socket.once('error', () => resolve('')).once('close', () => resolve(''))
    socket.write(
      `POST / HTTP/1.1\r\nHost: ${COUNTER}.localhost\r\nContent-Length: 500\r\n\r\nreturn 'half'; //`,
      () =>
        setTimeout(() => {
          socket.destroy()
          resolve('')
        }, 50),
    )
  })
}

/** Increments, one after the other, until it is told to stop; notes what no honest answer is. */
async function count(world: World, going: { on: boolean; hits: number }, odd: string[]): Promise<void> {
  const all = acknowledged.get(world) ?? new Set()
  acknowledged.set(world, all)
  while (going.on) {
    const { status, text } = await world.lab
      .send(COUNTER, { method: 'POST', body: INCREMENT })
      .catch((error: Error) => ({ status: 0, text: error.message }))
    // It was cut, or nobody was there: nothing was acknowledged.
    if (status === 0 || status === 503) {
      await sleep(10)
      continue
    }
    const value = status === 200 ? (JSON.parse(text) as { value: unknown }).value : undefined
    if (typeof value !== 'number') odd.push(`answered ${status} ${text.slice(0, 200)}`)
    else if (all.has(value)) odd.push(`the increment ${value} was acknowledged twice`)
    else all.add(value)
    going.hits++
  }
}

async function attack(
  world: World,
  app: string,
  kill: (pair: Pair) => Promise<void>,
  work: Work,
): Promise<Outcome> {
  const pair = pairs.get(world) as Pair
  const going = { on: true, hits: 0 }
  const odd: string[] = []
  const more = async (): Promise<void> => {
    const target = going.hits + HITS
    while (going.hits < target && odd.length === 0) await sleep(5)
  }
  const clients = [1, 2, 3].map(() => count(world, going, odd))
  const attacker = (async () => {
    while (going.on) {
      const raw = await work(world, app).catch((error: Error) => {
        if (/ECONNRESET|EPIPE|ECONNREFUSED|no end/.test(error.message)) return ''
        throw error
      })
      if (/neighbour \/|"object"/.test(raw)) odd.push(`another app's answer: ${raw.slice(0, 200)}`)
      await sleep(5)
    }
  })()
  try {
    await more()
    await kill(pair)
    await more()
  } finally {
    going.on = false
  }
  await Promise.all([...clients, attacker])
  return odd.length === 0 ? held : harmful(odd[0] as string)
}

function attackOf(sent: string, work: Work, what: string, kill: (pair: Pair) => Promise<void>): Attack {
  return { name: `${sent}, while ${what}`, run: (world, app) => attack(world, app, kill, work) }
}

/** Two hosts on one port and one data folder, as while one takes the other's place. */
export const sharePort: AttackClass = {
  name: 'share-port',
  promise: 'While two hosts share a port, no object has two owners, and no visitor gets another’s answer.',
  tenant: { build: 'plain' },
  others: {
    [COUNTER]: { build: 'objects', limits: { cpuMs: 60_000, startupCpuMs: 60_000, wallTimeout: 600 } },
  },
  parallel: 1,
  async host(): Promise<Partial<HostConfig>> {
    // Two processes listen on it at a time, so it cannot be any.
    const { port } = await reservePort()
    return { port, sharePort: true }
  },
  async prepare(world) {
    const { host } = await world.startBeside()
    pairs.set(world, { world, first: world.lab.host, second: host })
  },
  attacks: [
    ...Object.entries(KILLS).flatMap(([what, kill]) =>
      Object.entries(WORKS).map(([sent, work]) => attackOf(sent, work, what, kill)),
    ),
    ...Object.entries(KILLS_OF_OBJECTS).map(([what, kill]) =>
      attackOf('fields that hosts sign', WORKS['fields that hosts sign'] as Work, what, kill),
    ),
  ],
  hole: {
    is: 'every host takes itself for the owner of objects',
    file: 'adapters/isolate/host/supervisor/owners.js',
    from: 'if (owner.instance === identity.instance && owner.leftMs > 0)',
    to: 'if (owner.leftMs > 0)',
    // Two owners answer the same number only where their increments meet, which few attempts may not see.
    attacks: Object.keys(KILLS).flatMap((what) =>
      ['requests behind each other', 'fields that hosts sign'].map((sent) => `${sent}, while ${what}`),
    ),
    why: /was acknowledged twice|^answered/,
  },
}
