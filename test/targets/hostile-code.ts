/** Code of hostile tenants, for the tests of the host and for `test/hostile`. */
type Codes = Readonly<Record<string, string>>

/** Synchronous calls to the host, without end. */
export const CALL_LOOPS: Codes = {
  URLs: `for (;;) new URL('http://h/ä')`,
  decoders: `const bytes = new Uint8Array([0xe4, 0xf6]); for (;;) new TextDecoder('latin1').decode(bytes)`,
  'random bytes': 'const bytes = new Uint8Array(65_536); for (;;) crypto.getRandomValues(bytes)',
  'long texts': `const text = 'ä'.repeat(4e6); for (;;) new TextEncoder().encode(text)`,
}

/** Loops that end at the limit of CPU time. */
export const LOOPS: Codes = {
  'a synchronous one': 'for (;;);',
  'of microtasks': 'const again = () => Promise.resolve().then(again); again(); await new Promise(() => {})',
  'of promises': 'const again = async () => { await null; return again() }; await again()',
  'of a regular expression': `return /^(a+)+$/.test('a'.repeat(40) + 'b')`,
  'in wasm': `new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,3,2,1,0,7,5,1,1,102,0,0,10,9,1,7,0,3,64,12,0,11,11]))).exports.f()`,
  'in a sort': 'for (;;) Array.from({ length: 1e6 }, (_, i) => (i * 7919) % 1e6).sort()',
  'in a getter of the answer': 'return { get x() { for (;;); } }',
}

/** Code that takes memory until it is stopped. */
export const BOMBS: Codes = {
  arrays: 'const all = []; for (;;) all.push(new Array(1e5).fill(1.5))',
  strings: `let text = 'x'; const all = []; for (;;) { text += text.slice(0, 1e6) + 'y'; all.push([...text.slice(0, 1e5)]) }`,
  'a long string': `let text = 'xy'; for (;;) text = (text + text).toUpperCase()`,
  buffers: 'const all = []; for (;;) all.push(new ArrayBuffer(1e7))',
  'filled buffers': 'const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1))',
  maps: 'const map = new Map(); for (let i = 0; ; i++) map.set(i, { i })',
  'wasm memories': 'const all = []; for (;;) all.push(new WebAssembly.Memory({ initial: 1000 }))',
  'a growing wasm memory':
    'const memory = new WebAssembly.Memory({ initial: 1 }); for (;;) { memory.grow(100); new Uint8Array(memory.buffer).fill(1) }',
  'shared buffers': 'const all = []; for (;;) all.push(new Uint8Array(new SharedArrayBuffer(1e7)).fill(1))',
  'an array without end':
    'const all = new Array(2 ** 32 - 1); all.fill({}); return all.map(() => ({})).length',
  blobs: `const all = []; for (;;) all.push(new Blob([new Uint8Array(1e7)]))`,
  'streams that nobody reads': `const all = []; for (;;) all.push(new Response('x'.repeat(1e6)).body)`,
}

/** What a handler may throw. */
export const THROWN: Codes = {
  null: 'throw null',
  'an object whose getters throw': `throw { get message() { throw 1 }, get stack() { throw 2 }, get name() { throw 3 }, toString() { throw 4 } }`,
  'a proxy':
    'throw new Proxy(new Error(), { get() { throw 1 }, getPrototypeOf() { throw 2 }, ownKeys() { throw 3 } })',
  'a revoked proxy': 'const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy',
  'a symbol': `throw Symbol('x')`,
  'a promise that rejects': 'throw Promise.reject(new Error())',
  'rejections that nobody handles':
    'for (let i = 0; i < 1000; i++) Promise.reject(new Error(String(i))); return 1',
}

/** Messages in masses. */
export const FLOODS: Codes = {
  'one text many times': `const text = 'x'.repeat(1e6); for (let i = 0; i < 600; i++) console.debug(text); return 1`,
  'small ones without end': `for (;;) { console.debug('x'); await null }`,
  'calls of bindings': `const text = 'x'.repeat(1e6); await Promise.all(Array.from({ length: 600 }, () => env.kv.get(text).catch(() => {}))); return 1`,
}

/** Values that a tenant may hand to a binding. */
export const VALUES: Codes = {
  'getters that throw': `{ get key() { throw new Error('getter') } }`,
  'proxies that throw': `new Proxy({}, { get() { throw new Error('trap') }, ownKeys() { throw new Error('trap') } })`,
  thenables: `{ then(resolve) { resolve('resolved') } }`,
  'toJSON that throws': `{ toJSON() { throw new Error('toJSON') } }`,
  cycles: `(() => { const a = {}; a.a = a; return a })()`,
  'own __proto__': `JSON.parse('{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}')`,
  functions: `() => {}`,
  symbols: `Symbol('x')`,
  'tags of the bridge': `{ $: 'stream', id: 2 }`,
  'tags that do not exist': `{ $: 'nonsense' }`,
  'key handles made up': `{ unmoorKey: 1 }`,
  'deep nesting': `(() => { let a = {}; for (let i = 0; i < 1e5; i++) a = { a }; return a })()`,
  'huge sparse arrays': `Object.assign([], { length: 1e5 })`,
  'objects without a prototype': `Object.create(null)`,
}

/** What a handler may answer that is no answer. */
export const ANSWERS: Codes = {
  'a proxy of a Response': `new Proxy(new Response('x'), { get() { throw new Error('trap') } })`,
  'an object that looks like a Response': `Object.setPrototypeOf({ status: 200, headers: { get() {} } }, Response.prototype)`,
  'a thenable that never settles and one that throws': `{ then() { throw new Error('then') } }`,
  'a thrown getter bag': `(() => { throw { get message() { throw 1 }, get stack() { throw 2 }, get name() { throw 3 } } })()`,
  'a thrown null': `(() => { throw null })()`,
  'a thrown proxy': `(() => { throw new Proxy(new Error('x'), { get() { throw 1 }, getPrototypeOf() { throw 2 } }) })()`,
  nothing: `undefined`,
}

/** What a tenant may do to its built-ins. */
export const BUILT_IN_PATCHES: readonly string[] = [
  `Array.prototype.push = Array.prototype.map = Array.prototype.slice = () => { throw new Error('patched') }`,
  `Promise.prototype.then = function () { throw new Error('patched') }`,
  `JSON.stringify = JSON.parse = () => { throw new Error('patched') }`,
  `Map.prototype.get = Map.prototype.set = () => { throw new Error('patched') }`,
  `Array.prototype[Symbol.iterator] = function* () { yield 'patched' }`,
  `Object.defineProperty(Array, Symbol.species, { get() { throw new Error('patched') } })`,
  `Error.prepareStackTrace = () => { throw new Error('patched') }`,
  `Object.prototype.then = (resolve) => resolve('patched')`,
  `Object.defineProperty(Object.prototype, 'status', { get() { throw new Error('patched') } })`,
  `globalThis.Response = globalThis.Promise = globalThis.Error = undefined`,
  `Object.freeze(Object.prototype); Object.freeze(Array.prototype); Object.freeze(Function.prototype)`,
  `for (const key of Reflect.ownKeys(globalThis)) try { delete globalThis[key] } catch {}`,
]
