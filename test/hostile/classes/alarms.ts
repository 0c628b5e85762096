import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, type AttackClass, boundedBy, harmful, held, type Outcome } from '../attack.ts'
import { judgeAnswer, limitOf } from '../judge.ts'
import type { World } from '../world.ts'

const inObject = (name: string, code: string): string =>
  `return env.ROOM.getByName(${JSON.stringify(name)}).run(${JSON.stringify(code)})`

const PER_APP = 4
/**
 * Seconds of CPU time that an app may have had for its alarms and their retries, its start included: far from
 * what a loop takes that nobody stops, which is the hole.
 */
const MOST_SECONDS = 8

/** What an alarm does when it rings, and limits of which one must end it. Default: none need. */
const ON_ALARM: Readonly<Record<string, readonly [code: string, limits?: readonly string[]]>> = {
  'loops': ['for (;;);', ['cpuMs']], 'loops after an await': ['await null; for (;;);', ['cpuMs']], 'takes all memory': ['const a = []; for (;;) a.push(new Array(1e5).fill(1))', ['memoryMb', 'cpuMs']], 'makes timers': ['for (let i = 0; i < 5000; i++) setTimeout(() => {}, 1e6)', ['timers', 'cpuMs']],
  'throws': [`throw new Error('alarm')`], 'throws null': ['throw null'], 'never ends': ['await new Promise(() => {})'], 'deletes everything': ['await state.storage.deleteAll()'],
  'ends its object': [`state.abort?.('over')`], 'calls its own object': [`await env.ROOM.getByName('a').run('return 1')`], 'blocks its object': ['await state.blockConcurrencyWhile(() => new Promise(() => {}))'], 'calls what there is not': ['await env.NOPE.getByName(1)'],
  'sets itself again at once': ['await state.storage.setAlarm(Date.now() + 200)'], 'sets itself in the past': ['await new Promise((resolve) => setTimeout(resolve, 200)); await state.storage.setAlarm(0)'], 'sets itself far away and throws': [`await state.storage.setAlarm(8.64e15); throw new Error('far')`], 'deletes itself and throws': [`await state.storage.deleteAlarm(); throw new Error('gone')`],
} // prettier-ignore
/** Times that an alarm may be set to. */
const TIMES: Readonly<Record<string, string>> = {
  'NaN': 'NaN', 'endless': 'Infinity', 'below zero': '-1', 'the beginning': '0', 'far away': '8.64e15', 'beyond all dates': '1e300', 'a text': `'soon'`, 'a date': 'new Date(0)', 'an object': '({ valueOf: () => 5 })', 'nothing': 'undefined',
} // prettier-ignore

/** Waits until `rang` says what came of it; by then the app must not have had more CPU seconds than `most`. */
async function judge(
  world: World,
  app: string,
  rang: () => Promise<Outcome | undefined>,
  most = Infinity,
): Promise<Outcome> {
  for (;;) {
    const seconds = await world.metric('unmoor_cpu_seconds_total', app)
    if (seconds > most) return harmful(`the app had ${seconds} s of CPU time`)
    const outcome = await rang()
    if (outcome !== undefined) return outcome
    await sleep(30)
  }
}

/** Has code set alarms. A disk that is slow may have it run into its limit before it has. */
async function set(world: World, app: string, code: string): Promise<void> {
  for (;;) {
    const { status, text } = await world.code(app, code)
    if (status === 200) return
    if (status !== 503 || limitOf(text) === undefined) throw new Error(`${status} ${text.slice(0, 200)}`)
  }
}

/** How often alarms with this mark have rung, by what they have logged. */
const rings = (world: World, app: string, mark: string): number =>
  world.lab.lines.filter((line) => line === `[${app}] rang ${mark}`).length

/** Alarms of Durable Objects. */
export const alarms: AttackClass = {
  name: 'alarms',
  promise: 'An alarm is an entry like any other, and is tried again with growing pauses.',
  tenant: { build: 'objects', limits: { cpuMs: 300, wallTimeout: 20, memoryMb: 64, startupCpuMs: 10_000 } },
  perApp: PER_APP,
  parallel: 8,
  attacks: [
    ...Object.entries(TIMES).map(([name, time]): Attack => ({
      name: `an alarm at a time that is ${name}`,
      async run(world, app) {
        const { status, text } = await world.code(
          app,
          inObject(name, `await state.storage.setAlarm(${time}); return state.storage.getAlarm()`),
        )
        const outcome = judgeAnswer(app, { status, text })
        return outcome.result === 'harmful' ? outcome : judge(world, app, () => Promise.resolve(outcome))
      },
    })),
    {
      name: 'alarms of two hundred objects at once',
      async run(world, app) {
        const mark = 'many'
        for (let first = 0; first < 200; first += 20)
          await set(
            world,
            app,
            `const at = Date.now() + 300; await Promise.all(Array.from({ length: 20 }, (_, i) => env.ROOM.getByName('o' + (${first} + i)).run('await state.storage.put("mark", "${mark}"); await state.storage.setAlarm(' + at + '); return 1'))); return 1`,
          )
        return judge(world, app, () => Promise.resolve(rings(world, app, mark) >= 200 ? held : undefined))
      },
    },
    {
      name: 'an alarm that is set a thousand times',
      async run(world, app) {
        const code = `for (let i = 0; i < 1000; i++) void state.storage.setAlarm(Date.now() + 1e6 + i); await state.storage.put('mark', 'once'); await state.storage.setAlarm(Date.now() + 1); return 1`
        await set(world, app, inObject('once', code))
        return judge(world, app, () => Promise.resolve(rings(world, app, 'once') > 0 ? held : undefined))
      },
    },
    ...Object.entries(ON_ALARM).map(([name, [code, limits]]): Attack => ({
      name: `an alarm that ${name}`,
      async run(world, app) {
        const stored = { onAlarm: code, mark: name }
        await set(
          world,
          app,
          inObject(
            name,
            `await state.storage.put(${JSON.stringify(stored)}); await state.storage.setAlarm(Date.now() + 1); return 1`,
          ),
        )
        const rang = async (): Promise<Outcome | undefined> => {
          if (limits === undefined) return rings(world, app, name) > 0 ? held : undefined
          const hits = await world.hits()
          const limit = limits.find((one) => (hits.get(`${app} ${one}`) ?? 0) > 0)
          return limit === undefined ? undefined : boundedBy(app, limit)
        }
        const outcome = await judge(world, app, rang, limits === undefined ? undefined : MOST_SECONDS)
        // It is not to ring again beside the next attack; what has blocked its object cannot be told.
        await world.code(app, inObject(name, 'await state.storage.deleteAlarm(); return 1')).catch(() => {})
        return outcome
      },
    })),
  ],
  // The hole of `cpu`, so that they share a copy.
  hole: {
    is: 'an entry may take fifty times its limit',
    file: 'adapters/isolate/engine/cpu-budget.js',
    from: 'if (this.time.hasUsed(this.#limits.cpuMs * this.#messages))',
    to: 'if (this.time.hasUsed(50 * this.#limits.cpuMs * this.#messages))',
    attacks: ['an alarm that loops', 'an alarm that loops after an await'],
    why: /s of CPU time/,
    alone: true,
  },
}
