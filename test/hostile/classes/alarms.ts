import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, type AttackClass, harmful, held } from '../attack.ts'
import type { World } from '../world.ts'

const inObject = (code: string): string => `return env.ROOM.getByName('a').run(${JSON.stringify(code)})`

/** Seconds of CPU time that an app may have for an alarm and its retries. */
const MOST_SECONDS = 3

/** What an alarm does when it rings. */
const ON_ALARM: Readonly<Record<string, string>> = {
  'loops': 'for (;;);', 'loops after an await': 'await null; for (;;);', 'throws': `throw new Error('alarm')`, 'throws null': 'throw null', 'takes all memory': 'const a = []; for (;;) a.push(new Array(1e5).fill(1))', 'never ends': 'await new Promise(() => {})', 'sets itself again at once': 'await state.storage.setAlarm(Date.now())', 'sets itself in the past': 'await state.storage.setAlarm(0)', 'deletes everything': 'await state.storage.deleteAll()', 'ends its object': `state.abort?.('over')`, 'calls its own object': `await env.ROOM.getByName('a').run('return 1')`, 'blocks its object': 'await state.blockConcurrencyWhile(() => new Promise(() => {}))', 'makes timers': 'for (let i = 0; i < 5000; i++) setTimeout(() => {}, 1e6)',
} // prettier-ignore
/** Times that an alarm may be set to. */
const TIMES: Readonly<Record<string, string>> = {
  'NaN': 'NaN', 'endless': 'Infinity', 'below zero': '-1', 'the beginning': '0', 'far away': '8.64e15', 'beyond all dates': '1e300', 'a text': `'soon'`, 'a date': 'new Date(0)', 'an object': '({ valueOf: () => 5 })', 'nothing': 'undefined',
} // prettier-ignore

/** What the app has had of the processor since; a ring goes on beside. */
async function judge(world: World, app: string): Promise<ReturnType<Attack['run']>> {
  for (let time = 0; time < 12; time++) {
    await sleep(100)
    const seconds = await world.metric('unmoor_cpu_seconds_total', app)
    if (seconds > MOST_SECONDS) return harmful(`the app had ${seconds} s of CPU time`)
  }
  return held
}

/** Alarms of Durable Objects. */
export const alarms: AttackClass = {
  name: 'alarms',
  promise: 'An alarm is an entry like any other, and is tried again with growing pauses.',
  tenant: { build: 'objects', limits: { cpuMs: 100, wallTimeout: 5, memoryMb: 64 } },
  perApp: 1,
  parallel: 8,
  attacks: [
    ...Object.entries(ON_ALARM).map(([name, code]): Attack => ({
      name: `an alarm that ${name}`,
      async run(world, app) {
        await world.code(
          app,
          inObject(
            `await state.storage.put('onAlarm', ${JSON.stringify(code)}); await state.storage.setAlarm(Date.now() + 1); return 1`,
          ),
        )
        return judge(world, app)
      },
    })),
    ...Object.entries(TIMES).map(([name, time]): Attack => ({
      name: `an alarm at a time that is ${name}`,
      async run(world, app) {
        const { status } = await world.code(
          app,
          inObject(`await state.storage.setAlarm(${time}); return state.storage.getAlarm()`),
        )
        return status === 200 || status === 299 ? judge(world, app) : harmful(`answered ${status}`)
      },
    })),
    {
      name: 'alarms of a thousand objects at once',
      async run(world, app) {
        await world.code(
          app,
          `const at = Date.now() + 300; await Promise.all(Array.from({ length: 200 }, (_, i) => env.ROOM.getByName('o' + i).run('await state.storage.setAlarm(' + at + '); return 1'))); return 1`,
        )
        return judge(world, app)
      },
    },
  ],
  hole: {
    is: 'an entry may take a hundred times its limit',
    file: 'adapters/isolate/engine/cpu-budget.js',
    from: 'if (this.time.hasUsed(this.#limits.cpuMs * this.#messages))',
    to: 'if (this.time.hasUsed(100 * this.#limits.cpuMs * this.#messages))',
    attacks: ['an alarm that loops', 'an alarm that loops after an await'],
  },
}
