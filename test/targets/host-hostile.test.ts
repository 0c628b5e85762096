import { rm } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

let artifact: string
let lab: HostLab

beforeAll(async () => {
  artifact = await buildLab(labApp('kv: kv(), db: sql(), jobs: queue()'))
  // One process, so that the neighbour shares everything with the attacker.
  lab = await startHostLab({ processes: 1, limits: { cpuMs: 500, memoryMb: 64 }, apps: { hostile: { dir: artifact }, neighbour: { dir: artifact } } })
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
