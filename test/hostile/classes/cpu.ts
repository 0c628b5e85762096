import { CALL_LOOPS, LOOPS } from '../../targets/hostile-code.ts'
import { type Attack, type AttackClass, boundedBy, endingOnce, harmful, held } from '../attack.ts'
import { limitOf, named } from '../judge.ts'

const CPU_MS = 100
/**
 * Seconds of CPU time that an app may have had when its loop was stopped: its limit for the entry and for the
 * start, and what the host works for it. Far from what a loop takes that nobody stops.
 */
const MOST_SECONDS = 2

const MORE_LOOPS: Readonly<Record<string, string>> = {
  'of generators': 'const endless = function* () { for (;;) yield 1 }; for (const one of endless());',
  'of async generators': 'const endless = async function* () { for (;;) yield 1 }; for await (const one of endless());',
  'of spreading an endless iterator': 'return Math.max(...{ *[Symbol.iterator]() { for (;;) yield 1 } })',
  'of Array.from an endless iterator': 'return Array.from({ length: Infinity, *[Symbol.iterator]() { for (;;) yield 1 } }, () => 0).length',
  'of queueMicrotask': 'const again = () => queueMicrotask(again); again(); await new Promise(() => {})',
  'of thenables': 'const again = { then(resolve) { resolve(again) } }; await again',
  'of a comparator': 'for (;;) [3, 1, 2].sort(() => { for (;;); })',
  'in a proxy trap': 'return new Proxy({}, { get() { for (;;); } }).x',
  'in a setter': 'Object.defineProperty({}, "x", { set() { for (;;); } }).x = 1; return 1',
  'in Symbol.toPrimitive': 'return +{ [Symbol.toPrimitive]() { for (;;); } }',
  'in toJSON of the answer': 'return { toJSON() { for (;;); } }',
  'in a replacer': `return 'x'.repeat(9).replace(/x/g, () => { for (;;); })`,
  'in a static block': 'class A { static { for (;;); } }',
  'in eval': `return eval('for (;;);')`,
  'of eval': `for (;;) eval('1 + 1')`,
  'of new functions': `for (let i = 0; ; i++) new Function('return ' + i)()`,
  'of big numbers': 'let n = 3n; for (;;) n = (n * n) % (2n ** 20000n - 1n)',
  'of one big power': 'return String((7n ** 3000000n) % 10n)',
  'of one long division': 'return String(10n ** 400000n).length',
  'of a regular expression that looks ahead': `return /^(?=(a+))*b/.test('a'.repeat(5e4) + 'c') || /(x+x+)+y/.test('x'.repeat(40))`,
  'of a regular expression with references': `return /^(a|a?)+\\1$/.test('a'.repeat(35) + '!')`,
  'of one split by a pattern': `return 'a'.repeat(3e4).split(/(a?){30}a{30}b/).length`,
  'of JSON': `const text = JSON.stringify(Array.from({ length: 1e4 }, (_, i) => ({ i }))); for (;;) JSON.parse(text)`,
  'of structured clones': 'const value = Array.from({ length: 1000 }, (_, i) => ({ i })); for (;;) structuredClone(value)',
  'of dates': `for (;;) new Date('2026-01-01').toLocaleString('de', { timeZone: 'Asia/Tokyo' })`,
  'of Intl': `for (;;) new Intl.NumberFormat('hi').format(1e9)`,
  'of Temporal': `for (;;) Temporal.ZonedDateTime.from('2026-01-01T00:00[Europe/Berlin]').add({ days: 1 })`,
  'of normal forms': `const text = 'ä\\u0308'.repeat(1e4); for (;;) text.normalize('NFKD')`,
  'of base64': `const text = btoa('x'.repeat(1e5)); for (;;) atob(text)`,
  'of URLs in the isolate': `for (;;) new URLSearchParams('a=1&'.repeat(100)).toString()`,
  'of patterns': `for (let i = 0; ; i++) new URLPattern({ pathname: '/:a(' + 'a?'.repeat(20) + ')/' + i })`,
  'of headers': `for (;;) new Headers(Object.fromEntries(Array.from({ length: 100 }, (_, i) => ['x-' + i, 'v'])))`,
  'of requests': `for (;;) new Request('http://h/ü', { method: 'POST', body: 'x'.repeat(1000) })`,
  'of UUIDs': 'for (;;) crypto.randomUUID()',
  'of hashes': `const { createHash } = node.crypto; for (;;) createHash('sha512').update('x'.repeat(1e5)).digest()`,
  'of ciphers': `const c = node.crypto; for (;;) c.createCipheriv('aes-256-gcm', new Uint8Array(32), new Uint8Array(12)).update('x'.repeat(1e5))`,
  'of synchronous key derivation': `const c = node.crypto; for (;;) c.pbkdf2Sync('a', 'b', 50_000, 64, 'sha512')`,
  'of messages between ports': 'const { port1, port2 } = new MessageChannel(); port1.onmessage = () => port2.postMessage(1); port2.onmessage = () => { for (;;); }; port1.postMessage(1); await new Promise(() => {})',
  'of events': `const target = new EventTarget(); target.addEventListener('x', () => target.dispatchEvent(new Event('x'))); for (;;) try { target.dispatchEvent(new Event('x')) } catch {}`,
  'of an abort': `const c = new AbortController(); c.signal.addEventListener('abort', () => { for (;;); }); c.abort()`,
  'in a timer': 'setTimeout(() => { for (;;); }, 1); await new Promise(() => {})',
  'in a stream of the answer': `return new Response(new ReadableStream({ pull() { for (;;); } })).text()`,
  'of streams that fill each other': `const { readable, writable } = new TransformStream(); const w = writable.getWriter(); (async () => { for (;;) await w.write(new Uint8Array(1)) })(); for await (const x of readable);`,
  'in waitUntil': 'ctx.waitUntil((async () => { await null; for (;;); })()); await new Promise(() => {})',
  'of errors with stacks': `for (;;) { try { null.x } catch (error) { String(error.stack) } }`,
  'in prepareStackTrace': `Error.prepareStackTrace = () => { for (;;); }; return new Error('x').stack`,
  'of compiled wasm': `const bytes = new Uint8Array([0,97,115,109,1,0,0,0]); for (;;) new WebAssembly.Module(bytes)`,
  'of deep recursion that is caught': 'const deep = () => { try { deep() } finally { deep() } }; deep()',
  'of the clock': 'for (;;) performance.now()',
  'of typed arrays': 'const a = new Float64Array(1e5); for (;;) a.sort().reverse()',
  'of the longest common prefix of texts': `const a = 'ab'.repeat(5e4); for (;;) a.localeCompare(a + 'c', 'sv')`,
  'of weak references': 'for (;;) new WeakRef({}).deref()',
  'of labels and switches': 'again: for (;;) switch (1) { case 1: continue again }',
  'of property keys': 'const o = {}; for (let i = 0; ; i = (i + 1) % 1e4) { o["k" + i] = i; delete o["k" + ((i * 7) % 1e4)] }',
} // prettier-ignore

/** V8 does not hear of an end in these: their process ends. */
const ENDLESS: Readonly<Record<string, string>> = {
  'in a search': 'return [].indexOf.call({ length: 2 ** 53 - 1 }, 1)',
  'in a search from behind': 'return [].lastIndexOf.call({ length: 2 ** 53 - 1 }, 1)',
  'in a copy within': 'return [].copyWithin.call({ length: 2 ** 53 - 1 }, 0, 1).length',
  'in a splice': 'return [].splice.call({ length: 2 ** 53 - 3 }, 0, 0, 1).length',
} // prettier-ignore

function loop(name: string, code: string): Attack {
  return {
    name,
    async run(world, app) {
      const { status, text } = await world.code(app, code)
      const seconds = await world.metric('unmoor_cpu_seconds_total', app)
      if (seconds > MOST_SECONDS) return harmful(`it had ${seconds} s of CPU time`)
      // What V8 refuses at once has not looped, nor what was done in less.
      if (status === 299 || status === 200) return held
      const limit = limitOf(text)
      if (status !== 503 || (limit !== 'cpuMs' && limit !== 'memoryMb'))
        return harmful(`answered ${status} ${text.slice(0, 200)}`)
      return boundedBy(app, limit)
    },
  }
}

/** Nothing of these may hold a thread without using it. */
const WAITS: Readonly<Record<string, string>> = {
  'Atomics.wait': 'return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  'Atomics.wait with a long time': 'return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000)',
  'Atomics.wait after an await': 'await env.kv?.get("k"); await null; return Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)',
  'Atomics.waitAsync, and no end': 'await Atomics.waitAsync(new Int32Array(new SharedArrayBuffer(4)), 0, 0).value',
  'Atomics.wait in a wasm memory': 'return Atomics.wait(new Int32Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer), 0, 0)',
} // prettier-ignore

/** Loops: CPU time is counted from outside, and ends what passes its limit. */
export const cpu: AttackClass = {
  name: 'cpu',
  promise: 'An entry into an isolate has cpuMs of CPU time, whatever it does.',
  tenant: { build: 'node', limits: { cpuMs: CPU_MS, wallTimeout: 60, startupCpuMs: 2000 } },
  perApp: 1,
  attacks: [
    ...named('a loop', LOOPS, loop),
    ...named('a loop of calls', CALL_LOOPS, loop),
    ...named('a loop', MORE_LOOPS, loop),
    ...endingOnce('always', named('a loop', ENDLESS, loop)),
    ...Object.entries(WAITS).map(([name, code]): Attack => ({
      name,
      async run(world, app) {
        const { status, text } = await world.code(app, code)
        if (status === 299 || status === 200) return held
        const limit = limitOf(text)
        return limit === undefined ? harmful(`${status} ${text.slice(0, 200)}`) : boundedBy(app, limit)
      },
    })),
  ],
  hole: {
    is: 'an entry may take fifty times its limit',
    file: 'adapters/isolate/engine/cpu-budget.js',
    from: 'if (this.time.hasUsed(this.#limits.cpuMs * this.#messages))',
    to: 'if (this.time.hasUsed(50 * this.#limits.cpuMs * this.#messages))',
    attacks: ['a loop: of generators', 'a loop: of JSON'],
    why: /s of CPU time|^answered 503/,
    alone: true,
  },
}
