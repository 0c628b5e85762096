import { readFileSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

let artifact: string
let lab: HostLab

beforeAll(async () => {
  artifact = await buildLab(labApp('kv: kv(), db: sql(), jobs: queue()'))
  // One process, so that the neighbour shares everything with the attacker.
  lab = await startHostLab({
    processes: 1,
    admin: { port: 0 },
    limits: { cpuMs: 500, memoryMb: 64 },
    apps: { hostile: { dir: artifact }, neighbour: { dir: artifact, outbound: { allow: ['127.0.0.1'] } } },
  })
  await lab.send('neighbour')
}, 120_000)
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  await rm(artifact, { recursive: true, force: true })
})

/** Sends an attack, and asks the neighbour all the while; gives the attack's answer and the neighbour's waits in milliseconds. */
async function attack(code: string): Promise<{ status: number; text: string; waits: number[] }> {
  const [pid] = lab.host.pids
  const progress = { done: false }
  const attacked = lab.send('hostile', { method: 'POST', body: code }).finally(() => (progress.done = true))
  attacked.catch(() => {})
  const waits: number[] = []
  do {
    const began = performance.now()
    expect(await lab.send('neighbour')).toEqual({ status: 200, text: 'hello /' })
    waits.push(performance.now() - began)
    await sleep(5)
  } while (!progress.done)
  const answer = await attacked
  // The attacker's next isolate serves, in the same process.
  expect(await lab.run('hostile', 'return 1 + 1')).toBe(2)
  expect(lab.host.pids).toEqual([pid])
  return { ...answer, waits: waits.toSorted((a, b) => a - b) }
}

describe('synchronous calls to the host', () => {
  const LOOPS: Readonly<Record<string, string>> = {
    URLs: `for (;;) new URL('http://h/ä')`,
    decoders: `const bytes = new Uint8Array([0xe4, 0xf6]); for (;;) new TextDecoder('latin1').decode(bytes)`,
    'random bytes': 'const bytes = new Uint8Array(65_536); for (;;) crypto.getRandomValues(bytes)',
    'long texts': `const text = 'ä'.repeat(4e6); for (;;) new TextEncoder().encode(text)`,
  }
  it.each(Object.entries(LOOPS))('in a loop (%s) end at the limit, and the neighbour answers meanwhile', async (_name, code) => {
    const { status, text, waits } = await attack(code)
    expect(text).toContain('more than its limit of 500 ms of CPU time')
    expect(status).toBe(503)
    expect(waits.length).toBeGreaterThan(5)
    expect(waits.at(Math.floor(waits.length / 2))).toBeLessThan(100)
    expect(waits.at(-1)).toBeLessThan(1000)
  })
})

describe('messages in masses', () => {
  const FLOODS: Readonly<Record<string, string>> = {
    'one text many times': `const text = 'x'.repeat(1e6); for (let i = 0; i < 2000; i++) console.debug(text); return 1`,
    'small ones without end': `for (;;) { console.debug('x'); await null }`,
    'calls of bindings': `const text = 'x'.repeat(1e6); await Promise.all(Array.from({ length: 1000 }, () => env.kv.get(text).catch(() => {}))); return 1`,
  }
  it.each(Object.entries(FLOODS))('(%s) neither fill the host nor keep the neighbour from its answer', async (_name, code) => {
    const [pid] = lab.host.pids as [number]
    const before = residentMb(pid)
    let peak = 0
    const watch = setInterval(() => (peak = Math.max(peak, residentMb(pid))), 20)
    const { status, waits } = await attack(code).finally(() => clearInterval(watch))
    expect([200, 503]).toContain(status)
    // The isolate's own 64 MB may be passed two or three times over.
    expect(peak - before).toBeLessThan(300)
    expect(waits.at(-1)).toBeLessThan(1500)
  })

  it('work beside the first thread waits for its turn, and is metered', async () => {
    const before = await hostCpu()
    const { status, text, waits } = await attack(`
      const key = await crypto.subtle.importKey('raw', new Uint8Array(8), 'PBKDF2', false, ['deriveBits'])
      const derive = (iterations, bits = 256) => crypto.subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-256', salt: new Uint8Array(8), iterations }, key, bits)
      const refused = await Promise.all([derive(2e9), derive(1e5, 256e5), crypto.subtle.generateKey({ name: 'RSA-PSS', modulusLength: 65536, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' }, false, ['sign'])].map((work) => work.catch((error) => error.name)))
      await Promise.all(Array.from({ length: 12 }, () => derive(2e5)))
      return refused`)
    expect([status, text]).toEqual([200, JSON.stringify({ value: ['NotSupportedError', 'NotSupportedError', 'NotSupportedError'] })])
    expect(waits.at(-1)).toBeLessThan(500)
    expect((await hostCpu()) - before).toBeGreaterThan(100_000)
  })
})

/** Microseconds that the host has worked for the attacker. */
async function hostCpu(): Promise<number> {
  const text = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  return Number(/^unmoor_host_cpu_seconds_total\{app="hostile"\} (\S+)$/m.exec(text)?.[1] ?? 0) * 1e6
}

describe('the network', () => {
  it('is the public one only: the host’s own ports are there for whom the operator lets', async () => {
    const code = `return await (await fetch('${lab.host.adminUrl}/healthz')).json()`
    await expect(lab.run('hostile', code)).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining('PermissionDenied: fetch() may not reach 127.0.0.1'),
    })
    await expect(lab.run('hostile', `return await fetch('http://169.254.169.254/latest/meta-data/')`)).rejects.toMatchObject({ name: 'TypeError' })
    await expect(lab.run('hostile', `return await fetch('http://localhost:${new URL(lab.host.url).port}/')`)).rejects.toThrow()
    expect(await lab.run('neighbour', code)).toMatchObject({ processes: 1 })
  })
})

function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
