import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { embedded, type TestRun } from './files.ts'

/** What a test ended with, as testharness.js numbers it: 0 is a pass. */
export interface TestResult {
  readonly name: string
  readonly status: number
  readonly message: string
}

/**
 * A run as one script, so that testharness.js takes its shell environment for loaded when all of it has run.
 * Its results go to the function `__wptDone`, which the runtime has put on the global before.
 */
export async function createScript(root: string, run: TestRun): Promise<string> {
  const read = (path: string): Promise<string> => readFile(join(root, path), 'utf8')
  const [harness, ...sources] = await Promise.all(
    ['resources/testharness.js', ...run.scripts, run.path].map(read),
  )
  const data = await embedded(root, run, sources)
  // A strict test by itself, or its first line would not count; it sees what the others declare.
  const test = sources.pop() as string
  const last = STRICT.test(test) ? `eval(${JSON.stringify(test)})` : test
  return [PRELUDE, harness, afterHarness(run, data), ...sources, last].join('\n;\n')
}

/** A script that begins with the directive, after comments. */
const STRICT = /^(?:\s*\/\/.*\n|\s*\/\*[^]*?\*\/)*\s*['"]use strict['"]/

// The address only after testharness.js: where it finds one, it looks for a window or a worker.
const PRELUDE = `
globalThis.self ??= globalThis
globalThis.GLOBAL = { isWindow: () => false, isWorker: () => false, isShadowRealm: () => false }
`

function afterHarness(run: TestRun, data: Readonly<Record<string, string>>): string {
  const address = `http://web-platform.test:8000/${run.path}`
  return `
{
  const done = globalThis.__wptDone, realFetch = globalThis.fetch, data = ${JSON.stringify(data)}
  const { stringify } = JSON, wellFormed = Function.call.bind(String.prototype.toWellFormed)
  delete globalThis.__wptDone
  const url = ${JSON.stringify({ href: address + run.variant, origin: new URL(address).origin, protocol: 'http:', host: 'web-platform.test:8000', hostname: 'web-platform.test', port: '8000', pathname: `/${run.path}`, search: run.variant, hash: '' })}
  globalThis.location = { ...url, toString: () => url.href }
  const bytes = (text) => Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
  const absolute = (input) => (/string|function/.test(typeof input) && !URL.canParse(input) ? (URL.parse(input, url.href)?.href ?? input) : input)
  // A page has an address that relative ones count from; a Worker has none.
  const proxied = new Proxy(Request, {
    construct: (Class, [input, ...rest], target) => Reflect.construct(Class, input === undefined ? [] : [absolute(input), ...rest], target === proxied ? Class : target),
  })
  Object.defineProperty(globalThis, 'Request', { value: proxied, writable: true, configurable: true })
  // Tests of interfaces ask which kind of global this is: a worker's is the nearest.
  if (${run.path.includes('idlharness')})
    globalThis.DedicatedWorkerGlobalScope = class DedicatedWorkerGlobalScope {
      static [Symbol.hasInstance] = (value) => value === globalThis
    }
  globalThis.fetch = async function fetch(input, ...rest) {
    const name = typeof input === 'string' ? input : ''
    // The one handler of the suite's server that only gives back what it is sent.
    if (name.startsWith('/fetch/api/resources/echo-content.py')) return new Response(await new Request(absolute(name), ...rest).arrayBuffer())
    if (!Object.hasOwn(data, name)) return realFetch.call(this, absolute(input), ...rest)
    const type = name.endsWith('.wasm') ? 'application/wasm' : 'application/json'
    return new Response(bytes(data[name]), { headers: { 'content-type': type } })
  }
  add_completion_callback((tests, status) => done(stringify({
    tests: tests.map((test) => ({ name: wellFormed(test.name), status: test.status, message: test.message === null ? '' : wellFormed(String(test.message)).slice(0, 300) })),
    message: status.status === 0 ? '' : String(status.message),
  })))
  setTimeout(timeout, ${run.timeoutSeconds * 1000})
}`
}
