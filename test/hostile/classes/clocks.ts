import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, type AttackClass, boundedBy, harmful, held } from '../attack.ts'
import { limitOf } from '../judge.ts'

/** What a tenant does to its own clock. */
const CLOCKS: Readonly<Record<string, string>> = {
  stands: 'Date.now = () => 0; performance.now = () => 0;',
  'goes back': 'let at = 1e15; Date.now = () => at -= 1e6; performance.now = () => at;',
  'is far ahead': 'Date.now = () => 8.64e15; performance.now = () => 1e15;',
  'is none': 'Date.now = performance.now = () => NaN;',
  throws: 'Date.now = performance.now = () => { throw new Error("clock") };',
  'is no Date at all':
    'globalThis.Date = undefined; globalThis.performance = undefined; globalThis.Temporal = undefined;',
  'is a Date of its own':
    'globalThis.Date = class extends Date { constructor() { super(0) } static now() { return 0 } };',
}

/** Loops that would go on if the tenant's clock were asked. */
const loops = Object.entries(CLOCKS).map(([name, patch]): Attack => ({
  name: `a loop whose clock ${name}`,
  async run(world, app) {
    const { status, text } = await world.code(app, `${patch} for (;;);`)
    return status === 503 && limitOf(text) === 'cpuMs'
      ? boundedBy(app, 'cpuMs')
      : harmful(`${status} ${text.slice(0, 200)}`)
  },
}))

/** Entries that must be gone after their time. */
const lives = Object.entries(CLOCKS).map(([name, patch]): Attack => ({
  name: `an entry that should outlive its time where the clock ${name}`,
  async run(world, app) {
    // The shortest life of an entry that a binding takes is written past its checks: by its end.
    const key = `life-${name.replaceAll(' ', '-')}`
    await world.code(
      app,
      `const now = Math.floor(Date.now() / 1000); ${patch} try { await ask('binding', 'kv', 'put', ['${key}', new TextEncoder().encode('old'), { expiration: now + 1 }]) } catch {} try { await env.kv.put('${key}', 'old', { expiration: now + 61 }) } catch {} return 1`,
    )
    return held
  },
}))

const EXPIRE: Readonly<Record<string, string>> = {
  'below zero': '-1', 'zero': '0', 'NaN': 'NaN', 'endless': 'Infinity', 'beyond all numbers': '1e300', 'a fraction': '60.5', 'a text': `'60'`, 'an object': '({ valueOf: () => 60 })', 'in the past': '1', 'of milliseconds': 'Date.now() + 60000',
} // prettier-ignore
const expirations = Object.entries(EXPIRE).map(([name, value]): Attack => ({
  name: `an expiration that is ${name}`,
  async run(world, app) {
    const { status, text } = await world.code(
      app,
      `const out = []; for (const options of [{ expiration: ${value} }, { expirationTtl: ${value} }]) out.push(await env.kv.put('e', 'v', options).then(() => 'stored', (error) => error.code)); return out`,
    )
    return status === 200 && !text.includes('Internal') ? held : harmful(`${status} ${text.slice(0, 200)}`)
  },
}))

const others: Attack[] = [
  {
    name: 'an answer of the cache that should outlive its time',
    async run(world, app) {
      await world.code(
        app,
        `await env.pages.put('https://old/', new Response('old', { headers: { 'cache-control': 'max-age=1', age: '-99999', date: 'Fri, 31 Dec 9999 23:59:59 GMT', expires: 'Fri, 31 Dec 9999 23:59:59 GMT' } })); return 1`,
      )
      await sleep(1200)
      const { text } = await world.code(
        app,
        `return (await env.pages.match('https://old/'))?.text() ?? 'gone'`,
      )
      return text.includes('gone') ? held : harmful(`it is still there: ${text}`)
    },
  },
  {
    name: 'the resolution of the clock',
    async run(world, app) {
      const { text } = await world.code(
        app,
        `const seen = new Set(); for (let i = 0; i < 2e4; i++) seen.add(performance.now()); const sorted = [...seen].sort((a, b) => a - b); let least = Infinity; for (let i = 1; i < sorted.length; i++) least = Math.min(least, sorted[i] - sorted[i - 1]); return least`,
      )
      const { value } = JSON.parse(text) as { value: number }
      // A microsecond, as a number of that size can say it.
      return value >= 0.0005 ? held : harmful(`the clock tells ${value} ms apart`)
    },
  },
  {
    name: 'a delay of a queue that is turned back',
    async run(world, app) {
      const { status } = await world.code(
        app,
        `const out = []; for (const delaySeconds of [-1, NaN, Infinity, 1e9, '5']) out.push(await env.jobs.send({}, { delaySeconds }).then(() => 'sent', (error) => error.code)); if (out.includes('sent')) throw new Error(String(out)); return out`,
      )
      return status === 200 ? held : harmful('a delay was taken')
    },
  },
]

/** Time is the host's. */
export const clocks: AttackClass = {
  name: 'clocks',
  promise: 'Limits and the lives of entries go by the host’s clock, whatever an app’s own says.',
  tenant: { build: 'lab', limits: { cpuMs: 200 } },
  perApp: 2,
  attacks: [...loops, ...lives, ...expirations, ...others],
  hole: {
    is: 'what is stored in the cache does not grow old',
    file: 'adapters/drivers/memory/cache.js',
    from: 'if (stored.expires <= this.#now()) {',
    to: 'if (stored.expires <= 0) {',
    attacks: ['an answer of the cache that should outlive its time'],
    why: /still there/,
  },
}
