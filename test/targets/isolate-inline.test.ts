import { rm } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

/** Short entries after which a tenant is entered from the host's own thread, and some more. */
const WARM = 60

let dir: string
let lab: HostLab

beforeAll(async () => {
  dir = await buildLab(labApp(''))
  lab = await startHostLab({
    processes: 1,
    admin: { port: 0 },
    limits: { cpuMs: 100, memoryMb: 32, wallTimeout: 5 },
    apps: Object.fromEntries(['quiet', ...Object.keys(ATTACKS), ...TWINS].map((name) => [name, { dir }])),
  })
})
afterAll(async () => {
  await lab[Symbol.asyncDispose]()
  await rm(dir, { recursive: true, force: true })
})

/** Apps of the same code that come one after the other. */
const TWINS = Array.from({ length: 12 }, (_, index) => `twin${index}`)

const ATTACKS: Readonly<Record<string, string>> = {
  loop: 'for (;;) {}',
  microtasks: 'const again = () => Promise.resolve().then(again); await again()',
  recursion: 'const f = async () => { await f(); await f() }; await f()',
  regex: `return /^(a+)+$/.test('a'.repeat(60) + 'b')`,
  arrays: 'const all = []; for (;;) all.push(new Array(100000).fill(7))',
  strings: `let text = 'x'; for (;;) { text += text; text.charCodeAt(0) }`,
  buffers: 'const all = []; for (;;) all.push(new Uint8Array(1000000).fill(1))',
  maps: 'const map = new Map(); for (let index = 0; ; index++) map.set(index, { index })',
  urls: `for (;;) new URL('http://ü.example/a/../b')`,
}

/** CPU time that the app has used in the host's own thread. */
async function inlineSeconds(app: string): Promise<number> {
  const text = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  return Number(new RegExp(`unmoor_inline_cpu_seconds_total\\{app="${app}"\\} (\\S+)`).exec(text)?.[1] ?? 0)
}

/**
 * Asks until the app is entered from the host's own thread: on a busy machine short entries look long at
 * times, and more are needed.
 */
async function warmUp(app: string): Promise<void> {
  while ((await inlineSeconds(app)) === 0)
    for (let index = 0; index < WARM; index++) expect((await lab.send(app)).status).toBe(200)
}

for (const [name, code] of Object.entries(ATTACKS)) {
  test(`${name}, by a tenant that the host trusts: the others answer, and so does the tenant's next isolate`, async () => {
    const { pids } = lab.host
    await warmUp('quiet')
    await warmUp(name)
    const attack = await lab
      .send(name, { method: 'POST', body: code })
      .catch((error: unknown) => ({ status: 0, text: String(error) }))
    expect([503, 299, 500]).toContain(attack.status)
    expect(lab.host.pids).toEqual(pids)
    expect((await lab.send('quiet')).status).toBe(200)
    expect((await lab.send(name)).status).toBe(200)
  })
}

test('who was stopped runs on threads of its own from then on, and nobody waits for it', async () => {
  const before = await inlineSeconds('loop')
  for (let index = 0; index < 10; index++) await lab.send('loop')
  expect(await inlineSeconds('loop')).toBe(before)
})

test('the first request of an app whose code is known may be the attack: the others answer, and so does its next isolate', async () => {
  const { pids } = lab.host
  for (const name of TWINS.slice(2)) expect((await lab.send(name)).status).toBe(200)
  for (const name of TWINS.slice(0, 2)) {
    const attack = lab.send(name, { method: 'POST', body: 'for (;;) {}' })
    const [{ status }, quiet] = await Promise.all([attack, lab.send('quiet')])
    expect([status, quiet.status]).toEqual([503, 200])
    expect((await lab.send(name)).status).toBe(200)
  }
  expect(lab.host.pids).toEqual(pids)
})
