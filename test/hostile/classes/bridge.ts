import { array, constantFrom, sample } from 'fast-check'
import type { Attack, AttackClass } from '../attack.ts'
import { byCode, judgeAnswer, mustBe } from '../judge.ts'

/** Messages of each operation that the fuzzer makes up. */
const FUZZED = 120

/** What a message may hold, as source text: what isolated-vm copies, and what it does not. */
const VALUES = [
  'undefined', 'null', 'true', '0', '-0', '1', '2', '-1', '1.5', 'NaN', 'Infinity', '2 ** 31', '2 ** 53', '1e300', '10n',
  `''`, `'x'`, `'0'`, `'constructor'`, `'__proto__'`, `'kv'`, `'db'`, `'files'`, `'itself'`, `'get'`, `'put'`, `'fetch'`, `'query'`, `'raw'`, `'gzip'`, `'utf-8'`,
  `'HMAC'`, `'compress'`, `'http://127.0.0.1:1/'`, `'\\ud800'`, `'a\\r\\nb'`, `'x'.repeat(3e6)`, `'ä'.repeat(1e5)`,
  '[]', '[1, [2, [3]]]', `['k', 'v']`, 'Array(1e5)', '[,]', '{}', `{ stream: 1 }`, `{ stream: {} }`, `{ stream: 2, length: -1 }`, `{ $: 'stream', id: 4 }`, `{ $: 'nonsense' }`,
  `{ $: 'map', value: 5 }`, `{ $: 'set', value: null }`, `{ $: 'request', url: 'x' }`, `{ $: 'response', status: 99 }`, `{ $: 'file', bytes: 5, type: {} }`, `{ $: 'signal', id: {} }`,
  `{ $: 'object', value: 7 }`, `{ toString: 1, valueOf: 2 }`, `{ toString: null }`, `{ length: 1e9 }`, `JSON.parse('{"__proto__":{"leak":1},"constructor":{"prototype":{"leak":2}}}')`,
  `{ name: 5, message: {} }`, `{ unmoorKey: 1 }`, `{ unmoorKey: { id: {} } }`, `{ name: 'PBKDF2', iterations: 1e12 }`, 'new Uint8Array(3)', 'new Uint8Array(3e6)', 'new Float64Array(2)', 'new ArrayBuffer(8)',
  'new SharedArrayBuffer(8)', 'new DataView(new ArrayBuffer(1))', 'new Map([[{}, 1]])', 'new Set([NaN])', 'new Date(NaN)', '/x/g', 'new Error(\'e\')', 'Object.create(null)',
  `(() => { const a = {}; a.a = a; return a })()`, `(() => { let a = []; for (let i = 0; i < 2000; i++) a = [a]; return a })()`,
] // prettier-ignore

const POSTED = [
  'response', 'queued', 'cronDone', 'failed', 'finished', 'wait', 'waited', 'watch', 'timer', 'timerClear',
  'rejections', 'log', 'fetchAbort', 'signal', 'keyRelease', 'zlibClose', 'pull', 'cancel', 'chunk', 'end',
  'fail', 'env', 'constructor', '__proto__', 'then', '',
] // prettier-ignore
const ASKED = [
  'binding', 'bindingFetch', 'fetch', 'subtle', 'crypto.derive', 'crypto.keyPair', 'zlib', 'constructor', 'sync', '',
] // prettier-ignore
const CALLED = [
  'url', 'urlSet', 'utf8', 'decode', 'encoding', 'decoderOpen', 'decoderPush', 'decoderClose', 'random',
  'objects', 'environment', 'client', 'taken', 'ready', 'constructor', '__proto__', 'toString',
  'crypto.hash', 'crypto.hashNew', 'crypto.hashUpdate', 'crypto.hashEnd', 'crypto.hmac', 'crypto.cipher', 'crypto.pbkdf2',
  'crypto.scrypt', 'crypto.hkdf', 'crypto.sign', 'crypto.verify', 'crypto.keyNew', 'crypto.randomInt',
  'crypto.timingSafeEqual', 'crypto.constructor', 'crypto.__proto__', 'crypto.',
] // prettier-ignore

/** So many lists of arguments as source text, the same for a seed. */
function lists(seed: number): string {
  const list = array(constantFrom(...VALUES), { maxLength: 7 })
  return `[${sample(list, { seed, numRuns: FUZZED })
    .map((values) => `() => [${values.join(', ')}]`)
    .join(', ')}]`
}

const EACH = 'const t = (make) => { try { return make() } catch { return [] } };'

/** The fuzzer, for one operation and one way to the host. */
function fuzz(seed: number, way: 'post' | 'call' | 'ask', operation: string): Attack {
  const name = JSON.stringify(operation)
  const send = {
    post: `raw.post([[${name}, ...t(make)]], 1)`,
    ask: `raw.post([['call', 1e6 + n++, ${name}, t(make)]], 1)`,
    call: `raw.call(${name}, ...t(make))`,
  }[way]
  return byCode(
    `${way} ${operation}`,
    `${EACH} let n = 0; for (const make of ${lists(seed)}) { try { ${send} } catch {} } await null; return 'sent'`,
  )
}

const MADE_UP: Readonly<Record<string, string>> = {
  'a batch that is no list': `for (const batch of [null, undefined, 5, 'x', {}, new Map(), new Uint8Array(9)]) raw.post(batch, 1)`,
  'messages that are no lists': `raw.post([null, 5, 'x', {}, [], [[]], [{}], [null]], 1)`,
  'a weight that is none': `for (const weight of [NaN, -1, Infinity, -Infinity, '5', {}, null, 1e308]) raw.post([['log', 'info', 'x']], weight)`,
  'a weight of less than nothing, many times': `for (let i = 0; i < 5000; i++) raw.post([['log', 'debug', 'x']], -1e9)`,
  'a message said as if the host waited': `for (let i = 0; i < 200; i++) raw.say(0, 'timer', i, 1e6)`,
  'a message said with the weight of none': `raw.say({}, 'log', 'info', 'x'); raw.say(NaN, 'log', 'info', 'x'); raw.say()`,
  'an answer to a request that there is not': `raw.post([['response', 424242, 200, '', '', 'forged'], ['finished', 424242]], 1)`,
  'answers to every request near': `for (let id = 0; id < 500; id++) raw.post([['response', id, 200, '', '', 'forged']], 1)`,
  'two answers to one request': `for (let id = 0; id < 100; id++) raw.post([['response', id, 200, '', '', { stream: 1 }], ['response', id, 201, '', '', 'b'], ['finished', id], ['finished', id]], 1)`,
  'an answer with the stream of another': `raw.post([['response', 1, 200, '', '', { stream: 2 }], ['chunk', 2, new Uint8Array(9)], ['end', 2], ['chunk', 2, new Uint8Array(9)], ['end', 2]], 1)`,
  'chunks after the end': `raw.post([['chunk', 1, new Uint8Array(1)], ['end', 1], ['end', 1], ['fail', 1, {}], ['cancel', 1, {}], ['pull', 1]], 1)`,
  'a stream that is read twice': `for (let i = 0; i < 3; i++) raw.post([['call', 900 + i, 'binding', ['files', 'put', ['k', { $: 'stream', id: 7 }]]]], 1)`,
  'a stream that never ends': `raw.post([['call', 910, 'binding', ['files', 'put', ['k', { $: 'stream', id: 9 }]]]], 1); for (let i = 0; i < 20; i++) raw.post([['chunk', 9, new Uint8Array(65536)]], 65536)`,
  'waits that nobody began': `for (let i = 0; i < 100; i++) raw.post([['wait', i], ['waited', i], ['waited', i]], 1)`,
  'a method of a binding that is none': `for (const method of ['constructor', '__proto__', 'toString', 'driver', '#driver', 'then', 'watch', 'close', 'hasOwnProperty']) raw.post([['call', 1, 'binding', ['kv', method, ['canary']]]], 1)`,
  'a binding that is not declared': `for (const binding of ['constructor', '__proto__', 'neighbour', 'cronStore', 'unmoorDataToken']) raw.post([['call', 1, 'binding', [binding, 'get', ['canary']]]], 1)`,
  'a binding as another kind': `for (const method of ['query', 'exec', 'batch', 'send', 'put']) for (const binding of ['key', 'word', 'itself', 'jobs']) raw.post([['call', 1, 'binding', [binding, method, [{}]]]], 1)`,
  'objects of an app that has none': `return String(JSON.stringify(raw.call('objects', 'kv', 'o', 'SELECT 1', [])))`,
  'objects of the prototype': `return [raw.call('objects', '__proto__', 'o', 'SELECT 1', []), raw.call('objects', 'constructor', 'o', 'SELECT 1', [])].map((x) => typeof x)`,
  'the environment again': `return JSON.stringify(raw.call('environment'))`,
  'the client of another request': `return Array.from({ length: 300 }, (_, id) => JSON.stringify(raw.call('client', id))).filter(Boolean).length`,
  'ready, once more': `for (let i = 0; i < 50; i++) raw.call('ready')`,
  'taken, though nothing was sent': `for (let i = 0; i < 1000; i++) raw.call('taken')`,
  'keys that are another isolate’s': `const found = []; await Promise.all(Array.from({ length: 60 }, (_, id) => ask('subtle', 'exportKey', ['raw', { unmoorKey: id }]).then((bytes) => found.push(new TextDecoder().decode(bytes)), () => {}))); return found`,
  'the release of every key': `for (let id = -5; id < 200; id++) raw.post([['keyRelease', id]], 1)`,
  'streams of compression by names of the prototype': `for (const id of ['__proto__', 'constructor', {}, NaN]) raw.post([['call', 1, 'zlib', [id, 'compress', 'gzip', new Uint8Array(9)]]], 1)`,
  'timers by names of the prototype': `for (const id of ['__proto__', {}, NaN, Infinity, -1]) raw.post([['timer', id, NaN], ['timer', id, -5], ['timerClear', id]], 1)`,
  'a log of no level': `raw.post([['log', '__proto__', 'x'], ['log', {}, 'x'], ['log', 'constructor', null], ['log', 'error', { toString: 1 }]], 1)`,
  'headers that are none': `for (const headers of [5, {}, ['a', 'b'], 'a', 'a\\nb\\nc', '\\n', 'a b\\nc', 'content-length\\n5\\ncontent-length\\n6']) for (let id = 0; id < 40; id++) raw.post([['response', id, 200, '', headers, 'x']], 1)`,
  'a status that is none': `for (const status of [0, 99, 101, 600, 1e9, NaN, '200', {}, null, -200, 200.5]) for (let id = 0; id < 40; id++) raw.post([['response', id, status, '', '', 'x']], 1)`,
  'a reason that makes lines': `for (let id = 0; id < 40; id++) raw.post([['response', id, 200, 'OK\\r\\nset-cookie: a=b', '', 'x']], 1)`,
  'settlements of a batch that there is not': `raw.post([['queued', 1, [['ack']], null], ['queued', 5, {}, {}], ['cronDone', 3, {}, {}]], 1)`,
  'an abort of every call': `for (let id = 0; id < 500; id++) raw.post([['fetchAbort', id], ['signal', id], ['signal', String(id)]], 1)`,
  'the bridge as data': `raw.post([['log', 'info', raw.call]], 1)`,
  'functions as data': `for (const value of [() => {}, Symbol('x'), new Proxy({}, {}), globalThis]) try { raw.post([['log', 'info', value]], 1) } catch {}`,
  'a getter that calls the bridge again': `const again = { get x() { raw.call('url', 'http://a/'); raw.post([['log', 'info', 'in a getter']], 1); return 1 } }; for (let i = 0; i < 50; i++) raw.post([['call', i, 'binding', ['kv', 'put', ['k', again]]]], 1)`,
  'what cannot be copied, a thousand times': `for (let i = 0; i < 1000; i++) try { raw.post([['log', 'info', () => i]], 1) } catch {}`,
  'calls by the thousand at once': `for (let i = 0; i < 5000; i++) raw.post([['call', 2e6 + i, 'binding', ['kv', 'get', ['k']]]], 1)`,
} // prettier-ignore

/** Seed of the first operation; others count on, so that each has messages of its own. */
const SEED = 20_261_201

const fuzzed = [
  ...POSTED.map((operation) => ['post', operation] as const),
  ...ASKED.map((operation) => ['ask', operation] as const),
  ...CALLED.map((operation) => ['call', operation] as const),
].map(([way, operation], index) => fuzz(SEED + index, way, operation))

/** Raw messages to the host's end of the bridge, from a tenant that has the guest's end. */
export const bridge: AttackClass = {
  name: 'bridge',
  promise: 'What a tenant makes up on the bridge is data: it ends at most its own isolate.',
  tenant: { build: 'raw', limits: { cpuMs: 2000, wallTimeout: 10 } },
  perApp: 3,
  attacks: [
    ...fuzzed,
    ...Object.entries(MADE_UP).map(([name, code]) => byCode(name, `${code}; await null; return 'sent'`)),
    byCode(
      'the end of a prototype of the host by a message',
      `raw.post([['call', 1, 'binding', ['kv', 'put', ['k', 'v', JSON.parse('{"__proto__":{"leak":1}}')]]]], 1); await null; return 1`,
      async (app, answer, world) => {
        const added = await world.pollution()
        return added.length > 0 ? mustBe(false, `added: ${added.join()}`) : judgeAnswer(app, answer)
      },
    ),
  ],
  hole: {
    is: 'isolates share the table of their keys',
    file: 'adapters/isolate/services/crypto/subtle.js',
    from: '    #keys = new Map();',
    to: '    static all = new Map();\n    #keys = KeyTable.all;',
    attacks: ['keys that are another isolate’s'],
    why: /the answer has/,
  },
}
