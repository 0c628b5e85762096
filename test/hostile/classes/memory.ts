import { BOMBS, FLOODS } from '../../targets/hostile-code.ts'
import { type Attack, type AttackClass, boundedBy, endingOnce, harmful, held } from '../attack.ts'
import { judgeAnswer, limitOf, named } from '../judge.ts'

/** Each takes some 500 MB, where the limit is 32, and says so if it could. */
const MORE_BOMBS: Readonly<Record<string, string>> = {
  'objects in a list': 'const all = []; for (let i = 0; i < 8e6; i++) all.push({ a: i, b: i, c: i })',
  'sets': 'const sets = []; for (let i = 0; i < 50; i++) { const set = new Set(); for (let j = 0; j < 4e5; j++) set.add(i * 1e7 + j); sets.push(set) }',
  'big numbers': 'const all = []; for (let i = 0n; i < 500n; i++) all.push((1n << 8_000_000n) + i)',
  'symbols': `const all = []; for (let i = 0; i < 1e7; i++) all.push(Symbol('s' + i))`,
  'registered symbols': `for (let i = 0; i < 1e7; i++) Symbol.for('s' + i)`,
  'functions': 'const all = []; for (let i = 0; i < 1e7; i++) all.push(() => i)',
  'compiled functions': `const all = []; for (let i = 0; i < 2e5; i++) all.push(new Function('a', 'return ' + 'a+'.repeat(500) + i))`,
  'promises that wait': 'const all = []; for (let i = 0; i < 1e7; i++) all.push(new Promise(() => {}))',
  'generators that stand': 'const all = []; const make = function* () { const own = new Array(100).fill(1); yield own }; for (let i = 0; i < 1e6; i++) { const one = make(); one.next(); all.push(one) }',
  'regular expressions': `const all = []; for (let i = 0; i < 2e6; i++) { const one = new RegExp('a{' + (i % 1000) + '}' + i); one.test('b'); all.push(one) }`,
  'dates and maps': 'const all = []; for (let i = 0; i < 5e6; i++) all.push(new Map([[i, new Date(i)]]))',
  'keys of one object': `const one = {}; for (let i = 0; i < 1e7; i++) one['key' + i] = i`,
  'errors with stacks': `const all = []; for (let i = 0; i < 2e6; i++) all.push(new Error('x'.repeat(100) + i))`,
  'texts that are joined': `let text = 'x'; for (let i = 0; i < 40; i++) text = text + text + i; return text.length + [...text].length`,
  'texts that are made flat': `const all = []; for (let i = 0; i < 600; i++) { const text = 'y'.repeat(1e6) + i; text.charCodeAt(5e5); all.push(text.toUpperCase()) }`,
  'a replacement that grows': `return 'x'.repeat(1e5).replaceAll('x', 'y'.repeat(1e4)).length`,
  'a list of a text': `return Array.from('x'.repeat(1e8)).length`,
  'JSON text': `const one = Array.from({ length: 1e5 }, () => 'x'.repeat(100)); const all = []; for (let i = 0; i < 60; i++) all.push(JSON.stringify(one))`,
  'parsed JSON': `const text = '[' + '{"a":1},'.repeat(5e6) + '1]'; return JSON.parse(text).length`,
  'deep JSON': `return JSON.stringify(JSON.parse('['.repeat(5e6) + ']'.repeat(5e6))).length`,
  'copies': 'const one = Array.from({ length: 1e5 }, (_, i) => ({ i })); const all = []; for (let i = 0; i < 60; i++) all.push(structuredClone(one))',
  'floats': 'const all = []; for (let i = 0; i < 60; i++) all.push(new Float64Array(1e6).fill(i))',
  'buffers of a transfer': 'const all = []; for (let i = 0; i < 60; i++) all.push(new ArrayBuffer(8).transfer(1e7))',
  'buffers that nobody touches': 'const all = []; for (let i = 0; i < 40; i++) all.push(new ArrayBuffer(1e7))',
  'node buffers': `const { Buffer } = node.buffer; const all = []; for (let i = 0; i < 60; i++) all.push(Buffer.alloc(1e7, 1))`,
  'forms': `const form = new FormData(); for (let i = 0; i < 3e6; i++) form.append('k' + i, 'v')`,
  'headers': `const headers = new Headers(); for (let i = 0; i < 1e6; i++) headers.append('x', 'y'.repeat(500))`,
  'search parameters': `const all = new URLSearchParams(); for (let i = 0; i < 3e6; i++) all.append('k' + i, 'v'); return all.toString().length`,
  'files': `const all = []; for (let i = 0; i < 60; i++) all.push(new File([new Uint8Array(1e7)], 'f'))`,
  'URLs of blobs': `for (let i = 0; i < 60; i++) URL.createObjectURL(new Blob([new Uint8Array(1e7)]))`,
  'a body that is read whole': `return (await new Response(new ReadableStream({ n: 0, pull(c) { this.n++ < 60 ? c.enqueue(new Uint8Array(1e7)) : c.close() } })).arrayBuffer()).byteLength`,
  'a tee of which one half is read': `const [a, b] = new ReadableStream({ n: 0, pull(c) { this.n++ < 60 ? c.enqueue(new Uint8Array(1e7)) : c.close() } }).tee(); for await (const x of a); globalThis.b = b`,
  'chunks that wait in a stream': `new ReadableStream({ start(c) { globalThis.c = c; for (let i = 0; i < 60; i++) c.enqueue(new Uint8Array(1e7)) } })`,
  'writes that wait in a stream': `const w = new WritableStream({ write: () => new Promise(() => {}) }).getWriter(); for (let i = 0; i < 60; i++) void w.write(new Uint8Array(1e7))`,
  'messages that wait in a port': `const { port1 } = new MessageChannel(); for (let i = 0; i < 60; i++) port1.postMessage(new Uint8Array(1e7))`,
  'listeners': `const target = new EventTarget(); for (let i = 0; i < 3e6; i++) target.addEventListener('x' + i, () => i)`,
  'signals that follow each other': 'let signal = new AbortController().signal; const all = []; for (let i = 0; i < 1e6; i++) all.push(signal = AbortSignal.any([signal]))',
  'weak maps': 'const map = new WeakMap(); const keys = []; for (let i = 0; i < 4e6; i++) { const key = {}; keys.push(key); map.set(key, new Array(10)) }',
  'decompressed zeros': `const zip = new Uint8Array(await new Response(new Blob([new Uint8Array(3e7)]).stream().pipeThrough(new CompressionStream('gzip'))).arrayBuffer()); const all = []; for (let i = 0; i < 15; i++) all.push(await new Response(new Blob([zip]).stream().pipeThrough(new DecompressionStream('gzip'))).arrayBuffer())`,
} // prettier-ignore

function bomb(name: string, code: string): Attack {
  return {
    name,
    async run(world, app) {
      const answer = await world.code(app, `globalThis.kept = (() => {})(); ${code}; return 'took it all'`)
      // What V8 refuses is an error of the app's own.
      if (answer.status === 299) return held
      const limit = limitOf(answer.text)
      if (answer.status === 503 && (limit === 'memoryMb' || limit === 'cpuMs')) return boundedBy(app, limit)
      return harmful(`answered ${answer.status} ${answer.text.slice(0, 200)}`)
    },
  }
}

/**
 * What isolated-vm cannot end, alone on a quiet machine too (32 MB, 7.0.1, five tries each): one allocation beyond
 * what an isolate may have for a moment; JSON that V8 parses for 5 to 7 seconds of collections before the limit
 * is seen; nesting that it never leaves ("Script failed to terminate").
 */
const ENDING: ReadonlySet<string> = new Set([
  'a bomb of: an array without end',
  'a bomb of: blobs',
  'a bomb of: parsed JSON',
  'a bomb of: deep JSON',
])
const mayEnd = (one: Attack): Attack => (ENDING.has(one.name) ? { ...one, endsProcess: 'maybe' } : one)

const isWasm = (name: string): boolean => name.includes('wasm')
const pick = (codes: Readonly<Record<string, string>>, wasm: boolean): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(codes).filter(([name]) => isWasm(name) === wasm))

const WASM: Readonly<Record<string, string>> = {
  'a wasm table without end': `const table = new WebAssembly.Table({ element: 'externref', initial: 1 }); for (let i = 0; i < 1000; i++) table.grow(1e5, {})`,
  'wasm memory with a maximum of 4 GB': `const all = []; for (let i = 0; i < 60; i++) { const memory = new WebAssembly.Memory({ initial: 160, maximum: 65536 }); new Uint8Array(memory.buffer).fill(1); all.push(memory) }`,
  'shared wasm memory': `const all = []; for (let i = 0; i < 60; i++) { const memory = new WebAssembly.Memory({ initial: 160, maximum: 160, shared: true }); new Uint8Array(memory.buffer).fill(1); all.push(memory) }`,
  'wasm memory that a module declares': `const bytes = new Uint8Array([0,97,115,109,1,0,0,0,5,4,1,0,160,1]); const all = []; for (let i = 0; i < 60; i++) { const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes)); all.push(exports) }`,
} // prettier-ignore

/** V8 takes what these may grow to past the allocator that memoryMb is counted in. */
const GROWING: Readonly<Record<string, string>> = {
  'a buffer that grows': 'const one = new ArrayBuffer(8, { maxByteLength: 2 ** 30 }); for (let i = 1; i < 60; i++) one.resize(i * 1e7); new Uint8Array(one).fill(1)',
  'buffers that could grow': 'const all = []; for (let i = 0; i < 60; i++) { all.push(new ArrayBuffer(1e7, { maxByteLength: 2e7 })); new Uint8Array(all[i]).fill(1) }',
  'a shared buffer that grows': 'const one = new SharedArrayBuffer(8, { maxByteLength: 2 ** 30 }); for (let i = 1; i < 60; i++) one.grow(i * 1e7); new Uint8Array(one).fill(1)',
  'buffers that a transfer lets grow': 'const all = []; for (let i = 0; i < 60; i++) { all.push(new ArrayBuffer(8, { maxByteLength: 1e7 }).transfer(1e7)); new Uint8Array(all[i]).fill(1) }',
} // prettier-ignore

/** What takes memory: the isolate ends, and no process. */
export const memory: AttackClass = {
  name: 'memory',
  promise: 'An app that takes more than memoryMb loses its isolate; the process and its neighbours stay.',
  tenant: { build: 'node', limits: { memoryMb: 64, startupCpuMs: 3000, wallTimeout: 600 } },
  perApp: 2,
  parallel: 3,
  attacks: [
    ...named('a bomb of', MORE_BOMBS, bomb).map(mayEnd),
    ...named('a bomb of', pick(BOMBS, false), bomb).map(mayEnd),
    ...named('a flood of', FLOODS, (name, code) => ({
      name,
      run: async (world, app) => judgeAnswer(app, await world.code(app, code)),
    })),
    ...named('a bomb of', pick(BOMBS, true), bomb),
    ...named('a bomb of', WASM, bomb),
    ...named('a bomb of', GROWING, bomb),
    ...endingOnce('maybe', [
      bomb('a bomb of the parts of the longest text', `return 'x'.repeat(2 ** 28).split('').length`),
    ]),
  ],
  hole: {
    is: 'every isolate may have 4 GB',
    file: 'adapters/isolate/host/worker/isolate-pool.js',
    from: 'memoryLimit: memoryMb',
    to: 'memoryLimit: 4096',
    attacks: ['a bomb of: buffers that nobody touches', 'a bomb of: floats'],
    why: /answered 200/,
    alone: true,
  },
  moreHoles: [
    {
      is: 'an app that has ended a process goes on in the next one',
      file: 'adapters/isolate/host/supervisor/supervisor.js',
      from: 'const isCertain = isFatal && blamed.length === 1;',
      to: 'const isCertain = false;',
      attacks: ['a bomb of the parts of the longest text'],
      why: /goes on in the process that all share/,
      alone: true,
    },
  ],
}
