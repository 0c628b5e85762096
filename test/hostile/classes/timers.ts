import { type Attack, type AttackClass, boundedBy, harmful, held } from '../attack.ts'
import { limitOf } from '../judge.ts'

/** More than the limit of 100 at once, by every way to have one. */
const FLOODS: Readonly<Record<string, string>> = {
  setTimeout: 'for (let i = 0; i < 300; i++) setTimeout(() => {}, 1e6)',
  setInterval: 'for (let i = 0; i < 300; i++) setInterval(() => {}, 1e6)',
  'delays of all lengths': 'for (let i = 0; i < 300; i++) setTimeout(() => {}, 1e5 + i)',
  'a delay that no timer has': 'for (let i = 0; i < 300; i++) setTimeout(() => {}, 2 ** 31)',
  'an endless delay': 'for (let i = 0; i < 300; i++) setTimeout(() => {}, Infinity === 0 ? 0 : 2 ** 40)',
  'AbortSignal.timeout': 'globalThis.all = []; for (let i = 0; i < 300; i++) all.push(AbortSignal.timeout(1e6))',
  'node:timers': `const { setTimeout: later } = node.timers; for (let i = 0; i < 300; i++) later(() => {}, 1e6)`,
  'promises of node:timers': `const wait = node.waits.setTimeout; globalThis.all = Array.from({ length: 300 }, () => wait(1e6))`,
  'timers that start timers': 'const more = (n) => { if (n < 300) { setTimeout(() => {}, 1e6); setTimeout(() => more(n + 1), 0) } }; more(0)',
  'timers in microtasks': 'for (let i = 0; i < 300; i++) queueMicrotask(() => setTimeout(() => {}, 1e6))',
  'timers of many requests': 'globalThis.many = (globalThis.many ?? 0) + 1; for (let i = 0; i < 150; i++) setTimeout(() => {}, 1e6)',
  'timers in waitUntil': 'ctx.waitUntil((async () => { await null; for (let i = 0; i < 300; i++) setTimeout(() => {}, 1e6) })())',
  'intervals that are never cleared': 'for (let i = 0; i < 300; i++) setInterval(() => { globalThis.n = (globalThis.n ?? 0) + 1 }, 5e5)',
  'cleared by what is no timer': 'for (let i = 0; i < 300; i++) { setTimeout(() => {}, 1e6); clearTimeout(-i); clearTimeout({}); clearTimeout(NaN) }',
} // prettier-ignore

/** What is no flood, and must harm nobody either. */
const ODD: Readonly<Record<string, string>> = {
  'a delay of NaN': 'await new Promise((resolve) => setTimeout(resolve, NaN))',
  'a delay below zero': 'await new Promise((resolve) => setTimeout(resolve, -1e9))',
  'a delay that is an object': 'await new Promise((resolve) => setTimeout(resolve, { valueOf: () => 1 }))',
  'a delay whose valueOf throws': 'await new Promise((resolve) => setTimeout(resolve, { valueOf() { throw 1 } }))',
  'a handler that is text': `setTimeout('globalThis.ran = 1', 1)`,
  'a handler that is none': 'setTimeout(null, 1); setTimeout({}, 1); setTimeout(undefined, 1)',
  'a handler that throws': `setTimeout(() => { throw new Error('late') }, 1); await new Promise((resolve) => setTimeout(resolve, 20))`,
  'a handler that rejects': `setTimeout(async () => { throw new Error('late') }, 1); await new Promise((resolve) => setTimeout(resolve, 20))`,
  'set and cleared ten thousand times': 'for (let i = 0; i < 1e4; i++) clearTimeout(setTimeout(() => {}, 1e6))',
  'cleared in its own handler': 'await new Promise((resolve) => { const id = setInterval(() => { clearInterval(id); resolve() }, 1) })',
  'every number cleared': 'for (let i = -1000; i < 1e4; i++) clearTimeout(i)',
  'fires after the answer': 'setTimeout(() => { env.word; console.log("late") }, 50); return 1',
} // prettier-ignore

function flood(name: string, code: string): Attack {
  return {
    name: `more than there may be: ${name}`,
    async run(world, app) {
      // A second request stands in the way of nobody, and the limit is told to whoever waits.
      const wait = 'await new Promise(() => {})'
      const answers = await Promise.all([1, 2].map(() => world.code(app, `${code}; ${wait}`)))
      const texts = answers.map(({ text }) => text)
      if (texts.some((text) => limitOf(text) === 'timers')) return boundedBy(app, 'timers')
      return harmful(`answered ${JSON.stringify(texts).slice(0, 300)}`)
    },
  }
}

/** Timers: so many at once, and none that harms another. */
export const timers: AttackClass = {
  name: 'timers',
  promise: 'An isolate holds a number of timers at once; beyond it the isolate is replaced.',
  tenant: { build: 'node', limits: { timers: 100, cpuMs: 1000, wallTimeout: 10 } },
  perApp: 2,
  attacks: [
    ...Object.entries(FLOODS).map(([name, code]) => flood(name, code)),
    ...Object.entries(ODD).map(([name, code]): Attack => ({
      name,
      async run(world, app) {
        const { status, text } = await world.code(app, code)
        return status === 200 || status === 299 ? held : harmful(`${status} ${text.slice(0, 200)}`)
      },
    })),
  ],
  hole: {
    is: 'there may be any number of timers',
    file: 'adapters/isolate/services/timers.js',
    from: 'if (this.#timers.size >= this.#max)',
    to: 'if (this.#timers.size >= Infinity)',
    attacks: ['more than there may be: setTimeout', 'more than there may be: setInterval'],
    why: /^answered /,
  },
}
