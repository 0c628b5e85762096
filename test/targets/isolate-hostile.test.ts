import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ANSWERS, BUILT_IN_PATCHES, VALUES } from './hostile-code.ts'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'
import { type Lab, startLab } from './isolate-lab.ts'

let lab: Lab
let pid: number
beforeAll(async () => {
  lab = await startLab({ isolate: { cpuMs: 2000, memoryMb: 64 } })
  pid = lab.runtime.pids[0] as number
})
afterAll(() => lab[Symbol.asyncDispose]())

/** The host is the same process, unharmed, and serves. */
async function unharmed(): Promise<void> {
  expect(
    await lab.run(
      `await env.kv.put('alive', 'yes'); return [await env.kv.get('alive'), [1, 2].map((x) => x * 2), JSON.stringify({ a: 1 })]`,
    ),
  ).toEqual(['yes', [2, 4], '{"a":1}'])
  expect(lab.runtime.pids).toEqual([pid])
}

describe('the way to the host', () => {
  it('no function, prototype or constructor leads out of the isolate', async () => {
    // Everything that can be reached from the globals, env, request and ctx, by own properties, prototypes,
    // getters and constructors.
    const found = await lab.run(`
      const seen = new Set(); const todo = [[globalThis, 'globalThis'], [env, 'env'], [request, 'request'], [ctx, 'ctx'], [new Error('x'), 'error']]
      const Ours = Function; const odd = []
      while (todo.length > 0) {
        const [value, path] = todo.pop()
        if ((typeof value !== 'object' && typeof value !== 'function') || value === null || seen.has(value)) continue
        seen.add(value)
        // A function of another realm has another Function at the top; an ivm object has its class's name.
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
      return { odd, seen: seen.size }`)
    expect(found).toEqual({ odd: [], seen: expect.any(Number) })
    expect((found as { seen: number }).seen).toBeGreaterThan(1000)
  })

  it('no stack frame gives away a function of the bridge', async () => {
    const found = await lab.run(`
      const functions = new Set(), receivers = new Set()
      const look = () => {
        const before = Error.prepareStackTrace
        Error.prepareStackTrace = (_error, sites) => sites
        const { stack } = new Error()
        Error.prepareStackTrace = before
        for (const site of stack) { const own = site.getFunction(), self = site.getThis(); if (own !== undefined) functions.add(String(own).slice(0, 80)); if (self !== undefined && self !== globalThis && self !== traps) receivers.add([typeof self, Reflect.ownKeys(self).map(String).join()].join(' ')) }
      }
      // While the bridge copies a message, calls back, and answers synchronously.
      const traps = { get key() { look(); return 'x' }, toString() { look(); return 'x' }, toJSON() { look(); return {} }, then(resolve) { look(); resolve() } }
      const settle = (work) => { try { return Promise.resolve(work()).catch(() => {}) } catch { return undefined } }
      await Promise.all([() => env.kv.put('k', traps), () => env.kv.put('k', 'v', { metadata: traps }), () => new URL(traps), () => new TextDecoder(traps), () => console.log(traps), () => crypto.subtle.digest(traps, new Uint8Array(1)), () => fetch(traps), () => env.jobs.send(traps), () => structuredClone(traps)].map(settle))
      await new Promise((resolve) => setTimeout(() => { look(); resolve() }, 1))
      look()
      return [[...functions].filter((text) => /post|call|dispatch|batch/.test(text)), [...receivers]]`)
    expect(found).toEqual([[], []])
  })

  it('isolates of one snapshot share nothing', async () => {
    await using other = await startLab({ isolate: { startup: 'snapshot', cpuMs: 200 } })
    await other.run(
      `globalThis.leak = 1; Object.prototype.leak = 1; Response.prototype.leak = 1; URL.leak = 1; return 1`,
    )
    expect((await other.send('for (;;);')).status).toBe(503)
    expect(
      await other.run(
        'return [typeof globalThis.leak, typeof {}.leak, typeof Response.prototype.leak, typeof URL.leak]',
      ),
    ).toEqual(Array(4).fill('undefined'))
  })

  it('errors of the host come without its stack', async () => {
    const stacks = (await lab.run(`
      const stacks = []
      for (const work of [() => env.kv.get(''), () => env.db.all('nonsense'), () => fetch('http://127.0.0.1:1/'), () => crypto.subtle.digest('x', new Uint8Array(1)), () => new TextDecoder('nope'), () => new URL('nope'), () => env.files.put('k', {}), () => env.files.put('k', new ReadableStream({ pull(c) { c.enqueue('text') } }))]) {
        try { await work() } catch (error) { stacks.push(error.stack + (error.cause?.stack ?? '')) }
      }
      return stacks`)) as string[]
    expect(stacks).toHaveLength(8)
    for (const stack of stacks) expect(stack).not.toMatch(/server\.mjs|node:internal|file:\/\/|\/tmp\//)
  })

  it('a callback caught by patched built-ins is no more than a message channel', async () => {
    const result = await lab.run(`
      const caught = []
      const { apply } = Reflect
      for (const [object, name] of [[Function.prototype, 'call'], [Array.prototype, 'push'], [Map.prototype, 'get'], [Promise.prototype, 'then']]) {
        const original = object[name]
        let deep = false
        object[name] = function (...args) {
          if (!deep) { deep = true; caught[caught.length] = this; for (const arg of args) caught[caught.length] = arg; deep = false }
          return apply(original, this, args)
        }
      }
      new URL('http://x/ä'); crypto.randomUUID(); console.log('x'); await env.kv.get('k'); await fetch('http://127.0.0.1:1').catch(() => {})
      for (const value of caught) {
        if (typeof value === 'function' && !(value instanceof Function)) throw new Error('a function of the host')
        if (value?.constructor?.name === 'Reference') throw new Error('a reference')
      }
      return typeof caught`)
    expect(result).toBe('object')
    await lab.send('for (;;);')
    await unharmed()
  })
})

describe('hostile values', () => {
  for (const [name, value] of Object.entries(VALUES)) {
    it(`${name} are refused or taken as data`, async () => {
      const response = await lab.send(`
        const out = []
        const value = () => (${value})
        const attempts = [() => env.kv.put('k', value()), () => env.kv.put('k', 'v', value()), () => env.kv.put('k', 'v', { metadata: value() }), () => env.kv.list(value()), () => env.kv.getMany([value()]), () => env.kv.get(value()), () => env.files.put('k', value()), () => env.files.get('k', value()),
          () => env.db.all(value()), () => env.db.all('select ?', [value()]), () => env.db.batch([value()]), () => env.jobs.sendBatch([value()]), () => env.jobs.sendBatch(value()), () => env.pages.match(value()), () => env.pages.put('http://h/', value()),
          () => crypto.subtle.digest(value(), new Uint8Array(1)), () => crypto.subtle.importKey('raw', value(), value(), false, ['sign']), () => crypto.subtle.sign('HMAC', value(), new Uint8Array(1)), () => fetch('http://127.0.0.1:1/', value()), () => structuredClone(value()), () => console.log(value()), () => new Response(value()), () => new Headers(value()), () => new URL(value())]
        for (const work of attempts) { try { out.push(typeof (await work())) } catch (error) { out.push('threw') } }
        return [out.length, ({}).polluted === undefined]`)
      expect(response.status).toBe(200)
      expect(await response.json()).toEqual({ value: [24, true] })
      await unharmed()
    })
  }

  it('answers that are none are a 500, with the reason in the log only', async () => {
    const app = `import { defineApp } from 'unmoor'\nconst answers = [${Object.values(ANSWERS)
      .map((answer) => `() => (${answer})`)
      .join(
        ', ',
      )}]\nexport default defineApp({ fetch: (request) => { const n = new URL(request.url).searchParams.get('n'); return n === null ? new Response('hello') : answers[n]() } })`
    await using other = await startLab({ app })
    for (const [index, name] of Object.keys(ANSWERS).entries()) {
      const response = await fetch(`${other.runtime.url}/?n=${index}`)
      expect([name, response.status, await response.text()]).toEqual([name, 500, 'Internal Server Error'])
    }
    expect(await (await fetch(other.runtime.url)).text()).toBe('hello')
  })
})

describe('built-ins patched by the tenant', () => {
  // One process for all of them, and for a neighbour that has the same built-ins by the same snapshot.
  let host: HostLab
  const dirs: string[] = []
  beforeAll(async () => {
    const atModuleLevel = (patch: string): string =>
      `import { defineApp } from 'unmoor'\nif (typeof navigator !== 'undefined' && navigator.userAgent === 'unmoor') { ${patch} }\nexport default defineApp({ fetch: () => new Response('hello') })`
    const plain = await buildLab(labApp(''), 'patched')
    const patched = await Promise.all(
      BUILT_IN_PATCHES.map((patch) => buildLab(atModuleLevel(patch), 'patched')),
    )
    dirs.push(plain, ...patched)
    const apps = BUILT_IN_PATCHES.flatMap((_, index) => [
      [`running-${index}`, { dir: plain }],
      [`starting-${index}`, { dir: patched[index] }],
    ])
    const limits = { cpuMs: 300, wallTimeout: 1, startupCpuMs: 1500 }
    host = await startHostLab({
      processes: 1,
      limits,
      apps: { ...Object.fromEntries(apps), neighbour: { dir: plain, limits: { wallTimeout: 60 } } },
    })
  })
  afterAll(async () => {
    await host?.[Symbol.asyncDispose]()
    await Promise.all(dirs.map((dir) => rm(dir, { recursive: true, force: true })))
  })

  async function neighbourIsServed(pids: readonly number[]): Promise<void> {
    expect(await host.send('neighbour')).toEqual({ status: 200, text: 'hello /' })
    expect(
      await host.run(
        'neighbour',
        `return [[1, 2].map((x) => x * 2), typeof Response, JSON.stringify({ a: 1 })]`,
      ),
    ).toEqual([[2, 4], 'function', '{"a":1}'])
    expect(host.host.pids).toEqual(pids)
  }

  for (const [index, patch] of BUILT_IN_PATCHES.entries()) {
    it(`${patch.slice(0, 60)} at module level harms nobody but the tenant`, async () => {
      const { pids } = host.host
      // It may start or not; what it must not is end the process, or be waited for without end.
      await host.send(`starting-${index}`).catch(() => {})
      await neighbourIsServed(pids)
    })

    it(`${patch.slice(0, 60)} harms nobody but the tenant`, async () => {
      const { pids } = host.host
      for (const body of [`${patch}; return 1`, 'return 2'])
        await host.send(`running-${index}`, { method: 'POST', body }).catch(() => {})
      await neighbourIsServed(pids)
    })
  }
})

describe('messages made up by a tenant', () => {
  it('headers and logs cannot be injected into', async () => {
    const response = await lab.send(`return new Response('x', { headers: { a: 'b\\r\\nc: d' } })`)
    expect([response.status, await response.text()]).toEqual([299, expect.stringContaining('TypeError')])
    await lab.run(`console.log('a\\r\\n\\u001b[2Jfake host line\\u2028next'); return 1`)
    await expect.poll(() => lab.lines).toContain('    \\u001b[2Jfake host line\\u2028next')
  })
})
