import { readdirSync, readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import isolate from '../../adapters/isolate/index.ts'
import { type Lab, startLab } from './isolate-lab.ts'

let lab: Lab
beforeAll(async () => {
  lab = await startLab({ isolate: { cpuMs: 200, memoryMb: 64 } })
})
afterAll(() => lab[Symbol.asyncDispose]())

/**
 * CPU time in milliseconds of all threads of a process, by the kernel's own clock of each: what `stat` says
 * is sampled by ticks, and on a machine whose cores are lent to others half of it may be missing.
 */
function cpuMs(pid: number): number {
  const nanoseconds = (thread: string): number =>
    Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ', 1)[0])
  return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => sum + nanoseconds(thread), 0) / 1e6
}

/**
 * Sends code that never ends well; the isolate's next one must answer, in the same process. `ms` is the CPU
 * time of that process.
 */
async function attack(code: string): Promise<{ status: number; text: string; ms: number }> {
  const [pid] = lab.runtime.pids
  const before = cpuMs(pid as number)
  const response = await lab.send(code)
  const text = await response.text()
  const ms = cpuMs(pid as number) - before
  expect(await lab.run('return 1 + 1')).toBe(2)
  expect(lab.runtime.pids).toEqual([pid])
  return { status: response.status, text, ms }
}

describe('CPU time', () => {
  const LOOPS: Readonly<Record<string, string>> = {
    'a synchronous loop': 'for (;;);',
    'microtasks without end':
      'const again = () => Promise.resolve().then(again); again(); await new Promise(() => {})',
    'promises that await each other':
      'const again = async () => { await null; return again() }; await again()',
    'a regular expression that backtracks': `return /^(a+)+$/.test('a'.repeat(40) + 'b')`,
    'a loop in a getter of the answer': `return { get x() { for (;;); } }`,
    'a loop in toString of what is thrown': `throw { toString() { for (;;); }, get name() { for (;;); } }`,
    'a loop of URLs that the host parses': `for (;;) new URL('http://h/ä')`,
    'a loop of decoders': `const bytes = new Uint8Array([0xe4, 0xf6]); for (;;) new TextDecoder('latin1').decode(bytes)`,
    'a loop of random bytes': 'const bytes = new Uint8Array(65_536); for (;;) crypto.getRandomValues(bytes)',
    'a loop of long texts': `const text = 'ä'.repeat(2e6); for (;;) new TextEncoder().encode(text)`,
    'a loop on the clock': 'for (;;) performance.now()',
    'a loop in a stream of the answer': `return new Response(new ReadableStream({ pull() { for (;;); } }))`,
  }
  for (const [name, code] of Object.entries(LOOPS)) {
    it(`${name} ends the isolate, and a new one takes its place`, async () => {
      const { status, text, ms } = await attack(code).catch((error: unknown) => ({
        status: 0,
        text: String(error),
        ms: 0,
      }))
      // An answer that had begun can only break off.
      if (!name.includes('stream')) {
        expect(text).toBe(
          "Service Unavailable: the app's isolate was stopped: it used more than its limit of 200 ms of CPU time at once.",
        )
        expect(status).toBe(503)
        // A loop has its limit and no more; the rest is the host's own, and the next isolate. It may have
        // less: in the host's own thread the clock counts too.
        expect(ms).toBeLessThan(2000)
      }
    })
  }

  it('counts CPU time, not waiting', async () => {
    const before = lab.lines.length
    expect(await lab.run('await new Promise((resolve) => setTimeout(resolve, 600)); return "waited"')).toBe(
      'waited',
    )
    expect(lab.lines.slice(before)).toEqual([])
  })

  it('of requests that cross counts for each: twelve of 60 ms are no loop, and a loop among them is one', async () => {
    const busy =
      'const end = performance.now() + 60; let n = 0; while (performance.now() < end) n++; return 1'
    const before = lab.lines.length
    for (const wait of ['', 'await env.kv.get("none"); ']) {
      const answers = await Promise.all(Array.from({ length: 12 }, () => lab.send(wait + busy)))
      expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200))
    }
    expect(lab.lines.slice(before)).toEqual([])
    const [loop] = await Promise.all(
      ['for (;;);', ...Array<string>(11).fill(busy)].map((code) => lab.send(code)),
    )
    expect([loop?.status, await loop?.text()]).toEqual([503, expect.stringContaining('200 ms of CPU time')])
    expect(await lab.run('return 1')).toBe(1)
  })

  it('tells others under way in the same isolate the cause', async () => {
    const waiting = lab.send(`console.log('under way'); await new Promise(() => {}); return 1`)
    await expect.poll(() => lab.lines).toContain('under way')
    await attack('for (;;);')
    const other = await waiting
    expect([other.status, await other.text()]).toEqual([503, expect.stringContaining('200 ms of CPU time')])
  })
})

describe('memory', () => {
  const BOMBS: Readonly<Record<string, string>> = {
    arrays: 'const all = []; for (;;) all.push(new Array(1e5).fill(1.5))',
    strings: `let text = 'x'; const all = []; for (;;) { text += text.slice(0, 1e6) + 'y'; all.push([...text.slice(0, 1e5)]) }`,
    maps: 'const map = new Map(); for (let i = 0; ; i++) map.set(i, { i })',
    closures: 'let f = () => 1; const all = []; for (;;) { const g = f; f = () => g; all.push(f, {}) }',
  }
  for (const [name, code] of Object.entries(BOMBS)) {
    it(`${name} end the isolate, not the process`, async () => {
      const { status, text } = await attack(code)
      expect(text).toMatch(
        /^Service Unavailable: the app's isolate was stopped: it used more than its limit of (memory|200 ms of CPU time at once)\.$/,
      )
      expect(status).toBe(503)
    })
  }

  it('buffers beyond the limit are a RangeError or the end of the isolate', async () => {
    const { status, text } = await attack('const all = []; for (;;) all.push(new Uint8Array(1e7).fill(1))')
    expect([299, 503]).toContain(status)
    expect(text).toMatch(/RangeError|Array buffer allocation failed|limit of (memory|200 ms)/)
  })

  it('a stack overflow is an error of the app', async () => {
    const { status, text } = await attack('const deeper = () => deeper() + 1; return deeper()')
    expect([status, text]).toEqual([299, expect.stringContaining('Maximum call stack size exceeded')])
  })

  it('a million timers are refused', async () => {
    // With CPU time to spare: a slow machine must not end it before.
    await using calm = await startLab({ isolate: { cpuMs: 20_000, memoryMb: 64 } })
    const answer = await calm.send('for (let i = 0; i < 1e6; i++) setTimeout(() => {}, 1e6)')
    expect([answer.status, await answer.text()]).toEqual([
      299,
      expect.stringContaining('More than 10000 timers'),
    ])
    expect(await calm.run('return 1 + 1')).toBe(2)
  })
})

describe('the process', () => {
  it('is started again on the same port where it is killed', async () => {
    const [pid] = lab.runtime.pids
    process.kill(pid as number, 'SIGKILL')
    await expect
      .poll(() =>
        fetch(`${lab.runtime.url}/`).then(
          (response) => response.text(),
          () => 'away',
        ),
      )
      .toBe('hello')
    expect(lab.runtime.pids).not.toEqual([pid])
  })

  it('stops where it is told to while a killed one is being replaced', async () => {
    const { promise: stopped, resolve, reject } = Promise.withResolvers<void>()
    await using other = await startLab({
      onLine(line) {
        // The next process is not there yet: the signal of this stop reaches none.
        if (line.includes('starting it again')) other.runtime.stop().then(resolve, reject)
      },
    })
    process.kill(other.runtime.pids[0] as number, 'SIGKILL')
    await stopped
    const [next] = other.runtime.pids
    expect(() => process.kill(next as number, 0)).toThrow('ESRCH')
  })
})

describe('a start', () => {
  const app = (before: string): string =>
    `import { defineApp } from 'unmoor'\nexport default defineApp({ fetch: () => new Response('hello') })\nif (typeof navigator !== 'undefined' && navigator.userAgent === 'unmoor') { ${before} }`

  it('fails with the error of the process that failed', async () => {
    const withSecret = `import { defineApp, defineBindings, secret } from 'unmoor'\nexport default defineApp({ bindings: defineBindings({ key: secret() }), fetch: () => new Response('hello') })`
    const error = { code: 'NotFound', message: 'This app cannot start without secret "key": set KEY.' }
    await expect(startLab({ app: withSecret })).rejects.toMatchObject(error)
  })

  it('fails with the cause where the app loops, throws, or needs too much memory', async () => {
    await expect(startLab({ app: app('for (;;);'), isolate: { startupTimeout: 0.3 } })).rejects.toThrow(
      'loading the app took more than its limit of 300 ms',
    )
    await expect(startLab({ app: app('throw new Error("at import")') })).rejects.toThrow(
      /the app threw while it was loaded:\nError: at import/,
    )
    await expect(
      startLab({
        app: app('globalThis.all = []; for (;;) all.push(new Array(1e5).fill(1.5))'),
        isolate: { memoryMb: 32 },
      }),
    ).rejects.toThrow('more than its limit of 32 MB of memory')
  })

  it('is not held up by a loop of calls that the host answers', async () => {
    await expect(
      startLab({ app: app("for (;;) new URL('http://h/ä');"), isolate: { startupTimeout: 0.3 } }),
    ).rejects.toThrow('loading the app took more than its limit of 300 ms')
  })

  it('waits for a top-level await, and not for ever', async () => {
    const source = (wait: string): string =>
      `import { defineApp } from 'unmoor'\nconst text = typeof navigator !== 'undefined' && navigator.userAgent === 'unmoor' ? ${wait} : ''\nexport default defineApp({ fetch: () => new Response(text) })`
    await using other = await startLab({
      app: source(`await new Promise((resolve) => setTimeout(resolve, 50, 'awaited'))`),
    })
    expect(await (await fetch(other.runtime.url)).text()).toBe('awaited')
    await expect(
      startLab({ app: source('await new Promise(() => {})'), isolate: { startupTimeout: 0.3 } }),
    ).rejects.toThrow('loading the app took more than its limit of 300 ms')
    await expect(
      startLab({
        app: source(`await new Promise((_, reject) => setTimeout(reject, 10, new Error('late throw')))`),
        isolate: { startupTimeout: 2 },
      }),
    ).rejects.toThrow(/late throw|more than its limit of 2000 ms/)
  })

  it('refuses options that are none, at build', async () => {
    await expect(startLab({ isolate: { memoryMB: 5 } })).rejects.toThrow(
      'targets.isolate.options.memoryMB: the target "isolate" has no such option. Did you mean "memoryMb"?',
    )
    await expect(startLab({ isolate: { cpuMs: '5' } })).rejects.toThrow(
      'targets.isolate.options.cpuMs is "5"; it takes a number of milliseconds',
    )
    await expect(startLab({ isolate: { startup: 'fast' } })).rejects.toThrow(
      'startup is "fast"; it takes "code-cache" or "snapshot" or "source"',
    )
  })

  for (const startup of ['code-cache', 'snapshot', 'source']) {
    it(`works by ${startup}, also for the isolate that replaces one`, async () => {
      await using other = await startLab({ isolate: { startup, cpuMs: 100 } })
      const test = `return [typeof SharedArrayBuffer, new URL('http://h/x?y').search, await new Response('body').text(), (await crypto.subtle.digest('SHA-1', new Uint8Array(1))).byteLength, await env.kv.get('none')]`
      expect(await other.run(test)).toEqual(['function', '?y', 'body', 20, null])
      expect((await other.send('for (;;);')).status).toBe(503)
      expect(await other.run(test)).toEqual(['function', '?y', 'body', 20, null])
      expect(other.runtime.runtime).toMatch(/^isolated-vm \d+\.\d+\.\d+ on node v\d+\S* \(V8 /)
    })
  }

  it('names the target', () => {
    expect(isolate.name).toBe('isolate')
  })
})

describe('wall time', () => {
  it('is limited where an option says so', async () => {
    await using other = await startLab({ isolate: { wallTimeout: 2 } })
    const response = await other.send('await new Promise(() => {})')
    expect([response.status, await response.text()]).toEqual([
      503,
      'Service Unavailable: no answer came within the limit of wallTimeout, 2 s.',
    ])
    expect(await other.run('return 1')).toBe(1)
  })
})
