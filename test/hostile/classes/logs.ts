import { setTimeout as sleep } from 'node:timers/promises'
import { type Attack, type AttackClass, boundedBy, harmful, held, type Outcome } from '../attack.ts'
import type { World } from '../world.ts'

/** Bytes of log that an app of this class has in a second. */
const LOG_BYTES = 4096

/** More than the limit, by every way to have a line logged. */
const FLOODS: Readonly<Record<string, string>> = {
  'many lines': `for (let i = 0; i < 500; i++) console.log('x'.repeat(100))`,
  'one long line': `console.log('x'.repeat(3e6))`,
  'one long line beyond ASCII': `console.log('ä'.repeat(2e6))`,
  'lines of every level': `for (let i = 0; i < 100; i++) for (const level of ['debug', 'info', 'warn', 'error', 'trace']) console[level]('y'.repeat(100))`,
  'many arguments': `console.log(...Array.from({ length: 5000 }, (_, i) => 'arg' + i))`,
  'large objects': `for (let i = 0; i < 30; i++) console.log(Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => ['key' + i, i])), 'x'.repeat(500))`,
  'a large list': `for (let i = 0; i < 30; i++) console.log(Array.from({ length: 90 }, (_, i) => 'z'.repeat(90)))`,
  'a deep object': `let a = {}; for (let i = 0; i < 5000; i++) a = { a }; for (let i = 0; i < 200; i++) console.log(a, 'x'.repeat(50))`,
  'errors with stacks': `for (let i = 0; i < 100; i++) console.error(new Error('e'.repeat(200)))`,
  'errors with causes': `let error = new Error('root'); for (let i = 0; i < 100; i++) error = new Error('x'.repeat(100), { cause: error }); for (let i = 0; i < 10; i++) console.error(error)`,
  'a table': `console.table?.(Array.from({ length: 500 }, (_, i) => ({ a: i, b: 'x'.repeat(50) }))); for (let i = 0; i < 100; i++) console.log('x'.repeat(99))`,
  'groups': `for (let i = 0; i < 200; i++) { console.group?.('g'.repeat(50)); console.log('in it') } for (let i = 0; i < 100; i++) console.log('x'.repeat(99))`,
  'rejections that nobody handles': `for (let i = 0; i < 300; i++) { Promise.reject(new Error('r'.repeat(500))); await new Promise((resolve) => setTimeout(resolve, 0)) }`,
  'errors in timers': `for (let i = 0; i < 100; i++) setTimeout(() => { throw new Error('t'.repeat(500)) }, 0); await new Promise((resolve) => setTimeout(resolve, 200))`,
  'reported errors': `for (let i = 0; i < 100; i++) reportError(new Error('p'.repeat(500)))`,
  'errors of waitUntil': `for (let i = 0; i < 100; i++) ctx.waitUntil(Promise.reject(new Error('w'.repeat(500))))`,
  'a name of an error': `const error = new Error('m'); error.name = 'n'.repeat(1e5); error.stack = 's'.repeat(1e5); console.error(error); throw error`,
  'a thrown text, and no answer': `queueMicrotask(() => { throw 'q'.repeat(1e6) }); await null`,
  'after the answer': `setTimeout(() => { for (let i = 0; i < 500; i++) console.log('l'.repeat(100)) }, 20); await null; return 1`,
  'a little in each turn': `for (let i = 0; i < 60; i++) { console.log('t'.repeat(400)); await new Promise((resolve) => setTimeout(resolve, 1)) }`,
  'line feeds': `console.log('\\n'.repeat(1e5))`,
  'many line feeds': `console.log('\\n'.repeat(5e6))`,
  'blanks behind line feeds': `console.log('\\n' + ' '.repeat(5e6))`,
  'places of the bundle': `console.log('app.js:1:1 '.repeat(2e6))`,
  'control characters that grow when shown': `console.log('\\u0001'.repeat(1e5))`,
} // prettier-ignore

/** Lines that look like another's, or do more than be shown. */
const FORGED: Readonly<Record<string, string>> = {
  'a line of another app': `console.log('mine\\n[neighbour] FORGED')`,
  'a line of another app after a carriage return': `console.log('mine\\r[neighbour] FORGED')`,
  'a line of another app after both': `console.log('mine\\r\\n[neighbour] FORGED')`,
  'a line of the host': `console.log('\\nFORGED by the host')`,
  'a line after a separator of Unicode': `console.log('mine\\u2028[neighbour] FORGED\\u2029FORGED')`,
  'a line after the next line of C1': `console.log('mine\\u0085[neighbour] FORGED')`,
  'a line after a form feed': `console.log('mine\\f[neighbour] FORGED\\v[neighbour] FORGED')`,
  'commands of a terminal': `console.log('\\u001b[2J\\u001b]0;FORGED\\u0007')`,
  'commands of C1': `console.log('\\u009b2J')`,
  'backspaces over the name': `console.log('\\b'.repeat(40) + '[neighbour] FORGED')`,
  'text that is written from the right': `console.log('\\u202e[neighbour] FORGED')`,
  'half a character': `console.log('\\ud83d', '\\udc00')`,
  'a record of JSON': `console.log('{"time":"x","app":"neighbour","message":"FORGED"}')`,
  'a level that is none': `console.log.call({ level: 'x\\n[neighbour] FORGED' }, 'y')`,
  'a stack with lines': `const error = new Error('a'); error.stack = 'a\\n[neighbour] FORGED'; console.error(error)`,
  'a name with lines': `const error = new Error('a'); error.name = 'a\\n[neighbour] FORGED'; console.error(error)`,
  'a key with lines': `console.log({ 'a\\n[neighbour] FORGED': 1 })`,
  'a rejection with lines': `Promise.reject(new Error('a\\n[neighbour] FORGED')); await null`,
  'a thrown text with lines': `throw { name: 'x\\n[neighbour] FORGED', message: 'y\\n[neighbour] FORGED', stack: 'z\\n[neighbour] FORGED' }`,
  'the inspection of itself': `console.log({ [Symbol.for('nodejs.util.inspect.custom')]: () => '\\n[neighbour] FORGED' })`,
} // prettier-ignore

/** Lines that came since, of this app: each begins with its name, what follows is indented. */
function linesOf(app: string, since: number, world: World): { own: string[]; forged: string | undefined } {
  const own: string[] = []
  let forged: string | undefined
  for (const line of world.lab.lines.slice(since)) {
    // eslint-disable-next-line no-control-regex -- that there is none is what is looked at
    if (/[\0-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]/.test(line)) forged = line
    if (line.startsWith(`[${app}]`) || line.startsWith('    ')) own.push(line)
    else if (line.includes('FORGED')) forged = line
  }
  return { own, forged }
}

/** True if the line that says so has come. */
const isLast = (world: World, since: number): boolean =>
  world.lab.lines.slice(since).some((line) => line.endsWith('the last line'))

function judge(app: string, since: number, seconds: number, world: World): Outcome | undefined {
  const { own, forged } = linesOf(app, since, world)
  if (forged !== undefined)
    return harmful(`a line that is not the app's: ${JSON.stringify(forged).slice(0, 200)}`)
  const bytes = own.reduce((sum, line) => sum + Buffer.byteLength(line), 0)
  // The seconds it has begun, and the host's own line for each. What is shown of a control character is longer.
  const most = (seconds + 2) * (LOG_BYTES + 1024) * 6
  return bytes > most ? harmful(`${bytes} bytes of log in ${seconds} s`) : undefined
}

/** What an app logs: cut where it is too much, and never another's. */
export const logs: AttackClass = {
  name: 'logs',
  promise: 'An app logs logBytes a second, under its own name, and nothing that a terminal obeys.',
  tenant: { build: 'plain', limits: { logBytes: LOG_BYTES, cpuMs: 2000 } },
  perApp: 1,
  // Indented lines are whoever's came last.
  parallel: 1,
  attacks: [
    ...Object.entries(FLOODS).map(([name, code]): Attack => ({
      name: `a flood of ${name}`,
      async run(world, app) {
        const since = world.lab.lines.length
        const begun = performance.now()
        await world.code(app, code)
        const isCounted = async (): Promise<boolean> => ((await world.hits()).get(`${app} logBytes`) ?? 0) > 0
        let counted = await isCounted()
        if (!counted) {
          // Some log after their answer. Once this line is there, all that they log has come.
          await world.code(
            app,
            `await new Promise((resolve) => setTimeout(resolve, 300)); console.log('the last line')`,
          )
          while (!(counted = await isCounted()) && !isLast(world, since)) await sleep(20)
          counted ||= await isCounted()
        }
        const harm = judge(app, since, (performance.now() - begun) / 1000, world)
        return harm ?? (counted ? boundedBy(app, 'logBytes') : harmful('the flood is not counted'))
      },
    })),
    ...Object.entries(FORGED).map(([name, code]): Attack => ({
      name,
      async run(world, app) {
        const since = world.lab.lines.length
        await world.code(app, code)
        // Lines come in order: what it has logged is there once this one is.
        await world.code(app, `console.log('the last line')`)
        while (!isLast(world, since)) await sleep(5)
        return judge(app, since, 2, world) ?? held
      },
    })),
  ],
  hole: {
    is: 'the log of an app has no limit',
    file: 'adapters/isolate/host/worker/log-budget.js',
    from: 'const isLong = text.length > this.#left;',
    to: 'this.#left = Infinity; const isLong = false;',
    attacks: ['a flood of many lines', 'a flood of one long line'],
    why: /bytes of log|is not counted/,
  },
}
