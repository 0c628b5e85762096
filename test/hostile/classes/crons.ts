import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, type AttackClass, harmful, held, type Outcome } from '../attack.ts'
import type { Tenant } from '../cast.ts'
import { limitOf } from '../judge.ts'
import type { World } from '../world.ts'

const TEST_TOKEN = 'a token of the test channel, long enough'
export const DATA_TOKEN = 'a token of the data route, long enough'

/** An app with the test channel and the data route open to who has the tokens. */
export const TESTED: Tenant = {
  build: 'tested',
  testToken: TEST_TOKEN,
  secrets: { KEY: 'of its own', UNMOOR_DATA_TOKEN: DATA_TOKEN },
  limits: { cpuMs: 100, wallTimeout: 5, memoryMb: 64 },
}

/** Asks the test channel. */
export function channel(
  world: World,
  app: string,
  request: unknown,
  token = TEST_TOKEN,
): Promise<{ status: number; text: string }> {
  return world.send(app, {
    method: 'POST',
    path: '/.unmoor/channel',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: typeof request === 'string' ? request : JSON.stringify(request),
  })
}

/** What a cron, or a batch of a queue, does. */
const CODES: Readonly<Record<string, string>> = {
  'loops': 'for (;;);', 'loops after an await': 'await null; for (;;);', 'throws': `throw new Error('cron')`, 'throws null': 'throw null', 'throws a trap': 'throw { get message() { throw 1 }, get stack() { throw 2 } }', 'never ends': 'await new Promise((resolve) => setTimeout(resolve, 2000))', 'takes all memory': 'const a = []; for (;;) a.push(new Array(1e5).fill(1))', 'waits without end': 'for (let i = 0; i < 2000; i++) ctx.waitUntil(new Promise(() => {}))', 'makes timers': 'for (let i = 0; i < 5000; i++) setTimeout(() => {}, 1e6)', 'floods the log': `for (let i = 0; i < 5000; i++) console.log('x'.repeat(1000))`, 'sends itself messages': `for (let i = 0; i < 100; i++) await env.jobs.send({ code: 'return 1' }, { delaySeconds: 600 })`, 'calls its own app': `await env.itself.fetch('http://x/', { method: 'POST', body: 'for (;;);' })`,
} // prettier-ignore
const MOST_SECONDS = 2

async function judge(world: World, app: string, text: string): Promise<Outcome> {
  const seconds = await world.metric('unmoor_cpu_seconds_total', app)
  if (seconds > MOST_SECONDS) return harmful(`it had ${seconds} s of CPU time`)
  return limitOf(text) === undefined ? held : { result: 'bounded' }
}

/** Handlers that no visitor waits for: crons, and batches of queues. */
export const crons: AttackClass = {
  name: 'crons',
  promise: 'A cron and a batch have the limits of a request; what they do ends no process.',
  tenant: TESTED,
  perApp: 1,
  parallel: 4,
  attacks: [
    ...Object.entries(CODES).map(([name, code]): Attack => ({
      name: `a cron that ${name}`,
      async run(world, app) {
        await world.value(app, `await env.kv.put('cron', ${JSON.stringify(code)})`)
        const { status, text } = await channel(world, app, { op: 'cron', name: 'tick', scheduledTime: 0 })
        // A loop that only time by the clock has ended had no limit of its own.
        if (name.startsWith('loops') && limitOf(text) !== 'cpuMs')
          return harmful(`not ended by cpuMs: ${status} ${text.slice(0, 200)}`)
        return status === 200 || status === 503
          ? judge(world, app, text)
          : harmful(`${status} ${text.slice(0, 200)}`)
      },
    })),
    ...Object.entries(CODES).map(([name, code]): Attack => ({
      name: `a batch that ${name}`,
      async run(world, app) {
        await world.value(
          app,
          `await env.jobs.send({ code: ${JSON.stringify(`await env.kv.put('began', '1'); ${code}`)} })`,
        )
        // One that never begins is convicted by the runner's own time.
        while ((await world.code(app, `return env.kv.get('began')`)).text !== '{"value":"1"}') await sleep(50)
        return judge(world, app, '')
      },
    })),
    ...['nope', '__proto__', 'constructor', '', 'tick '].map((name): Attack => ({
      name: `a cron by the name ${JSON.stringify(name)}`,
      async run(world, app) {
        const { text } = await channel(world, app, { op: 'cron', name, scheduledTime: Number.NaN })
        return text.includes('"error"') ? held : harmful(text.slice(0, 200))
      },
    })),
  ],
  // The hole of `cpu`, so that they share a copy.
  hole: {
    is: 'an entry may take fifty times its limit',
    file: 'adapters/isolate/engine/cpu-budget.js',
    from: 'if (this.time.hasUsed(this.#limits.cpuMs * this.#messages))',
    to: 'if (this.time.hasUsed(50 * this.#limits.cpuMs * this.#messages))',
    attacks: ['a cron that loops', 'a cron that loops after an await'],
    why: /not ended by cpuMs|s of CPU time/,
    alone: true,
  },
}
