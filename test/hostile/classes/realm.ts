import type { AttackClass } from '../attack.ts'
import { byCode, mustBe, named } from '../judge.ts'

/** Ways out of the isolate. Each returns what it found; nothing is right. */
const WAYS_OUT: Readonly<Record<string, string>> = {
  'everything that can be reached': `
    const seen = new Set(); const todo = [[globalThis, 'globalThis'], [env, 'env'], [request, 'request'], [ctx, 'ctx'], [new Error('x'), 'error']]
    const Ours = Function; const odd = []
    while (todo.length > 0) {
      const [value, path] = todo.pop()
      if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue
      seen.add(value)
      if (typeof value === 'function' && value !== Ours.prototype && !(value instanceof Ours)) odd.push(path)
      if (!(value instanceof Object) && Object.getPrototypeOf(value) !== null) odd.push(path + ' of another realm')
      const name = (() => { try { return value.constructor?.name } catch { return '' } })()
      if (['Reference', 'ExternalCopy', 'Isolate', 'Context', 'Callback', 'Script', 'NativeModule'].includes(name)) odd.push(path + ' ' + name)
      for (const key of Reflect.ownKeys(value)) {
        const descriptor = Reflect.getOwnPropertyDescriptor(value, key)
        for (const part of ['value', 'get', 'set']) if (descriptor?.[part] !== undefined) todo.push([descriptor[part], path + '.' + String(key)])
      }
      todo.push([Object.getPrototypeOf(value), path + '.__proto__'])
    }
    return odd`,
  'what is on the global': `return Reflect.ownKeys(globalThis).map(String).filter((key) => /unmoor|ivm|isolate|link|^_/i.test(key))`,
  'the constructor of a function': `return [Function, (async () => {}).constructor, (function* () {}).constructor, (async function* () {}).constructor].map((make) => make('return typeof process + typeof require + typeof module + typeof Deno + typeof Bun + typeof internalBinding + typeof WScript')()).filter((text) => typeof text === 'string' && text !== 'undefined'.repeat(7))`,
  'indirect eval': `return [(0, eval)('typeof process'), (0, eval)('typeof require'), (0, eval)('typeof $0'), (0, eval)('typeof __unmoor_link')].filter((type) => type !== 'undefined')`,
  'an import of a module of Node': `const found = []; for (const name of ['node:fs', 'fs', 'node:process', 'file:///etc/passwd', '/etc/passwd', 'data:text/javascript,export default 1', 'isolated-vm', './server.mjs']) await import(name).then(() => found.push(name), () => {}); return found`,
  'who called': `return [(function f() { return f.caller })(), (function () { return arguments.callee?.caller })()].filter((value) => value !== null && value !== undefined && !(value instanceof Function))`,
  'the frames of a stack': `Error.prepareStackTrace = (_, sites) => sites; const found = []; for (const site of new Error().stack) { const own = site.getFunction?.(); const self = site.getThis?.(); if (own !== undefined && /post|dispatch|batch/.test(String(own).slice(0, 80))) found.push(String(own).slice(0, 80)); if (self !== undefined && self !== globalThis) found.push(typeof self) } return found`,
  'the frames while a value is copied': `const found = []; const look = () => { Error.prepareStackTrace = (_, sites) => sites; for (const site of new Error().stack) if (site.getFunction?.() !== undefined && /post|dispatch/.test(String(site.getFunction()).slice(0, 60))) found.push('frame'); Error.prepareStackTrace = undefined }; const trap = { get key() { look(); return 'x' }, toJSON() { look(); return {} }, toString() { look(); return 'k' } }; for (const work of [() => env.kv.put('k', trap), () => env.kv.put(trap, 'v'), () => env.jobs.send(trap), () => fetch(trap), () => console.log(trap), () => structuredClone(trap)]) try { await work() } catch {} return found`,
  'what patched built-ins are given': `
    const caught = []; const { apply } = Reflect; const none = Function.prototype
    for (const [object, name] of [[Function.prototype, 'call'], [Array.prototype, 'push'], [Map.prototype, 'get'], [Promise.prototype, 'then'], [Reflect, 'apply']]) {
      const original = object[name]; let deep = false
      object[name] = function (...args) { if (!deep && caught.length < 5000) { deep = true; caught[caught.length] = this; for (const arg of args) caught[caught.length] = arg; deep = false } return apply(original, this, args) }
    }
    new URL('http://x/ä'); crypto.randomUUID(); console.log('x'); await env.kv.get('k'); await fetch('http://127.0.0.1:1').catch(() => {})
    const found = []
    for (const value of caught) { if (typeof value === 'function' && value !== none && !(value instanceof Function)) found[found.length] = 'a function of the host'; const name = (() => { try { return value?.constructor?.name } catch { return '' } })(); if (name === 'Reference' || name === 'Callback') found[found.length] = name }
    return found`,
  'the species of an array': `const found = []; class Mine extends Array { constructor(...args) { super(...args); for (let i = 0; i < args.length; i++) if (typeof args[i] === 'function' && !(args[i] instanceof Function)) found[found.length] = 1 } } Object.defineProperty(Array, Symbol.species, { value: Mine }); await env.kv.list(); return found`,
  'the iterator of an array': `const found = []; const own = Array.prototype[Symbol.iterator]; Array.prototype[Symbol.iterator] = function () { for (let i = 0; i < this.length; i++) if (typeof this[i] === 'function' && !(this[i] instanceof Function)) found[found.length] = 1; return Reflect.apply(own, this, []) }; await env.kv.get('k'); return found`,
  'then of every object': `const found = []; Object.defineProperty(Object.prototype, 'then', { configurable: true, get() { if (typeof this === 'function' && !(this instanceof Function)) found.push(1); return undefined } }); await env.kv.get('k'); delete Object.prototype.then; return found`,
  'a setter for every index': `const found = []; Object.defineProperty(Array.prototype, 0, { configurable: true, set(value) { if (typeof value === 'function' && !(value instanceof Function)) found.push(1); Object.defineProperty(this, 0, { value, writable: true, configurable: true, enumerable: true }) } }); await env.kv.get('k').catch(() => {}); delete Array.prototype[0]; return found`,
  'the constructor of an error of the host': `const found = []; for (const work of [() => env.kv.get(''), () => env.db.all('nonsense'), () => crypto.subtle.digest('x', new Uint8Array(1)), () => new URL('nope'), () => new TextDecoder('nope')]) try { await work() } catch (error) { for (let at = error; at !== null && at !== undefined; at = Object.getPrototypeOf(at)) if (!(at.constructor instanceof Function)) found.push('constructor'); if (error.constructor.constructor('return typeof process')() !== 'undefined') found.push('process') } return found`,
  'the constructor of a result of the host': `const found = []; await env.kv.put('k', 'v'); for (const value of [await env.kv.list(), await env.db.all('SELECT 1 AS a'), await crypto.subtle.digest('SHA-1', new Uint8Array(1)), new TextEncoder().encode('ä'), await env.kv.get('k', 'arrayBuffer')]) { const { constructor } = value ?? {}; if (constructor !== undefined && constructor.constructor !== Function) found.push(constructor.name); if (constructor?.constructor('return typeof process')() !== 'undefined') found.push('process') } return found`,
  'the prototype of a result of the host': `await env.kv.put('k', 'v'); const found = []; for (const value of [await env.kv.list(), (await env.db.all('SELECT 1 AS a'))[0]]) if (![Object.prototype, Array.prototype, null].includes(Object.getPrototypeOf(value))) found.push(String(Object.getPrototypeOf(value)?.constructor?.name)); return found`,
  'stacks of errors of the host': `const found = []; for (const work of [() => env.kv.get(''), () => env.db.all('nonsense'), () => fetch('http://127.0.0.1:1/'), () => crypto.subtle.digest('x', new Uint8Array(1)), () => env.files.put('k', {}), () => env.itself.fetch('nope'), () => env.jobs.sendBatch([])]) try { await work() } catch (error) { const text = error.stack + (error.cause?.stack ?? '') + error.message; if (/node:internal|file:\\/\\/|\\/dist\\/|worker\\.js|server\\.mjs/.test(text)) found.push(text) } return found`,
  'the environment of the process': `return [typeof process === 'undefined' ? [] : Object.keys(process.env ?? {}).filter((name) => /PATH|HOME|NODE|UNMOOR/.test(name))].flat()`,
  'files by every API that names one': `const found = []; for (const url of ['file:///etc/passwd', 'file://localhost/etc/passwd', 'FILE:/etc/passwd', 'blob:file:///etc/passwd', 'view-source:file:///etc/passwd']) await fetch(url).then((answer) => answer.text()).then((text) => found.push(text.slice(0, 20)), () => {}); return found`,
  'files as bodies': `const found = []; for (const work of [() => new Response(new File([], '/etc/passwd')).text(), () => new Blob(['file:///etc/passwd']).text()]) { const text = await work(); if (text.includes('root:')) found.push(text) } return found`,
  'memory that another isolate shares': `const found = []; const one = new SharedArrayBuffer(8); for (const work of [() => env.kv.put('k', one), () => env.jobs.send(one), () => env.itself.fetch('http://x/', { method: 'POST', body: one })]) try { await work() } catch {} new Uint8Array(one)[0] = 7; return found`,
  'symbols that realms share': `return Object.getOwnPropertySymbols(globalThis).map(String).filter((text) => /unmoor|nodejs|undici/.test(text))`,
  'a debugger':
    `return [typeof inspector, typeof d8, typeof gc, typeof Debug, typeof %DebugPrint === 'x'].filter((type) => type !== 'undefined' && type !== false)`.replace(
      `, typeof %DebugPrint === 'x'`,
      '',
    ),
  'native syntax': `const found = []; for (const text of ['%GetOptimizationStatus(() => 1)', '%DebugPrint(1)', '%SystemBreak()']) try { eval(text); found.push(text) } catch {} return found`,
  'workers and other threads': `return ['Worker', 'SharedWorker', 'importScripts', 'XMLHttpRequest', 'WebSocketPair', 'Deno', 'Bun', 'require', 'module', 'internalBinding', 'primordials'].filter((name) => typeof globalThis[name] === 'function' && name !== 'WebSocketPair' || (typeof globalThis[name] === 'object' && globalThis[name] !== null))`,
  'wasm that imports from the host': `const bytes = new Uint8Array([0,97,115,109,1,0,0,0,1,4,1,96,0,0,2,9,1,3,101,110,118,1,102,0,0]); const found = []; try { new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: globalThis }); found.push('linked') } catch {} return found`,
  'the async context of the host': `return typeof AsyncLocalStorage === 'undefined' ? [] : ['AsyncLocalStorage']`,
  'a realm of its own': `return [typeof ShadowRealm, typeof Realm, typeof createRealm].filter((type) => type !== 'undefined')`,
  'finalizers of what the bridge held': `const found = []; globalThis.registry = new FinalizationRegistry((held) => found.push(held)); for (let i = 0; i < 100; i++) { const value = { i }; registry.register(value, i); await env.kv.put('k', String(i)) } return found.filter((value) => typeof value !== 'number')`,
  'what crosses with a function': `const found = []; for (const value of [() => {}, function () {}, class {}, Symbol('x'), new WeakMap(), new Proxy({}, {})]) for (const work of [() => env.kv.put('k', value), () => env.jobs.send(value), () => structuredClone(value)]) try { await work(); } catch (error) { if (/ivm|isolated/i.test(error.message)) found.push(error.message) } return found`,
  'the link after the start': `for (let i = 0; i < 50; i++) await null; return typeof globalThis.__unmoor_link === 'undefined' ? [] : ['the link']`,
  'the source of the bridge': `const found = []; for (const value of [fetch, env.kv.put, console.log, setTimeout, crypto.subtle.digest, Response.prototype.text]) { const text = Function.prototype.toString.call(value); if (/\\$0|applySync|ivm\\./.test(text)) found.push(text.slice(0, 100)) } return found`,
}

/** Code of a tenant that looks for a way out. */
export const realm: AttackClass = {
  name: 'realm',
  promise: 'Nothing that a tenant can reach leads out of its isolate, nor tells of the host’s files.',
  tenant: { build: 'lab', limits: { cpuMs: 5000 } },
  perApp: 1,
  attacks: named('out by', WAYS_OUT, (name, code) =>
    byCode(name, code, (_app, { status, text }) =>
      mustBe(status === 200 && text === '{"value":[]}', `${status} ${text.slice(0, 300)}`),
    ),
  ),
  hole: {
    is: 'a Reference to the host’s global is in the isolate',
    file: 'adapters/isolate/engine/bridge.js',
    from: `        new module.Callback((...data) => heard.ends?.call(data), { sync: true }),\n`,
    to: `        new module.Callback((...data) => heard.ends?.call(data), { sync: true }),\n        new module.Reference(globalThis),\n`,
    also: [
      '  link.connect({ post, say, call })',
      '  globalThis.leaked = $3; link.connect({ post, say, call })',
    ],
    attacks: ['out by: everything that can be reached'],
    why: /^200 /,
    alone: true,
  },
}
