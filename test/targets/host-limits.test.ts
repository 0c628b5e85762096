import { rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildLab, type HostLab, labApp, metric, startHostLab } from './host-lab.ts'

/** Limits of an honest app: small, so that eight tenths of each are reached at once. */
const LIMITS = {
  memoryMb: 64,
  cpuMs: 1000,
  wallTimeout: 2,
  startupCpuMs: 1000,
  concurrentRequests: 20,
  concurrentUploads: 20,
  requestBytes: 1_000_000,
  responseBytes: 1_000_000,
  subrequests: 50,
  serviceCalls: 10,
  timers: 50,
  waits: 50,
  hostMs: 300,
  resultBytes: 1_000_000,
  diskMb: 10,
  logBytes: 100_000,
}
const part = (limit: number): number => limit * 0.8

let artifact: string
let backend: Server
let lab: HostLab
beforeAll(async () => {
  artifact = await buildLab(labApp(`db: sql(), files: unmoor.blob(), itself: unmoor.service({ app: 'lab' })`))
  backend = createServer((_, answer) => void answer.end('answered')).listen(0, '127.0.0.1')
  const names = ['heap', 'buffers', 'wasm', 'app', 'cpums', 'hostms']
  lab = await startHostLab({
    processes: 1,
    admin: { port: 0 },
    // Only one app is asked about time.
    limits: { ...LIMITS, wallTimeout: 3600 },
    outbound: { allow: ['127.0.0.1'] },
    apps: {
      ...Object.fromEntries(names.map((name) => [name, { dir: artifact }])),
      wallms: { dir: artifact, limits: { wallTimeout: LIMITS.wallTimeout } },
    },
  })
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  backend?.close()
  await rm(artifact, { recursive: true, force: true })
})

/** Waits in an app until so many do. */
const meet = (count: number): string => `
  globalThis.there = (globalThis.there ?? 0) + 1
  globalThis.open ??= Promise.withResolvers()
  if (there === ${count}) open.resolve()
  await open.promise`

async function hits(app: string): Promise<string[]> {
  const metrics = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
  return metrics.split('\n').filter((line) => line.startsWith(`unmoor_limit_hits_total{app="${app}"`))
}

describe('an app that takes eight tenths of a limit does not meet it:', () => {
  const PLENTY: Readonly<Record<string, string>> = {
    heap: `globalThis.held = Array.from({ length: 46 }, () => new Array(131_072).fill(1.5)); return held.length`,
    buffers: `globalThis.held = Array.from({ length: 46 }, () => new Uint8Array(1 << 20).fill(1)); return held.length`,
    wasm: `globalThis.held = new WebAssembly.Memory({ initial: 46 * 16, maximum: 46 * 16 }); new Uint8Array(held.buffer).fill(1); return held.buffer.byteLength >> 20`,
  }
  // With what the web API takes of it.
  it.each(Object.keys(PLENTY))('memoryMb, in %s', async (name) => {
    expect(await lab.run(name, PLENTY[name] as string)).toBe(46)
    for (let again = 0; again < 20; again++) await lab.send(name)
    expect(await lab.run(name, 'return typeof held')).toBe('object')
    expect(await metric(lab, 'unmoor_isolate_starts_total', name)).toBe(1)
    expect(await hits(name)).toEqual([])
  })

  const CODES: Readonly<Record<string, string>> = {
    timers: `await Promise.all(Array.from({ length: ${part(LIMITS.timers)} }, () => new Promise((resolve) => setTimeout(resolve, 20))))`,
    waits: `const open = Promise.withResolvers(); for (let wait = 0; wait < ${part(LIMITS.waits)}; wait++) ctx.waitUntil(open.promise); setTimeout(open.resolve, 20)`,
    logBytes: `for (let line = 0; line < ${part(LIMITS.logBytes) / 1000}; line++) console.log('x'.repeat(1000))`,
    resultBytes: `const rows = await env.db.all('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT ${part(LIMITS.resultBytes) / 80}) SELECT n FROM c'); return rows.length`,
    diskMb: `await env.files.put('file', new Uint8Array(${part(LIMITS.diskMb) * 1e6})); await env.files.delete('file')`,
    responseBytes: `return new Response('x'.repeat(${part(LIMITS.responseBytes)}))`,
    'responseBytes, of a stream': `return new Response(new Blob([new Uint8Array(${part(LIMITS.responseBytes)})]).stream())`,
  }
  it.each(Object.keys(CODES))('%s', async (name) => {
    const { status, text: answer } = await lab.send('app', { method: 'POST', body: CODES[name] as string })
    expect([status, status === 200 ? '' : answer]).toEqual([200, ''])
    expect(await hits('app')).toEqual([])
  })

  it('subrequests up to the limit hit nothing', async () => {
    const url = `http://127.0.0.1:${(backend.address() as AddressInfo).port}/`
    const code = `return (await Promise.all(Array.from({ length: ${part(LIMITS.subrequests)} }, async () => (await fetch('${url}')).text()))).length`
    expect(await lab.run('app', code)).toBe(part(LIMITS.subrequests))
    expect(await hits('app')).toEqual([])
  })

  it('requestBytes up to the limit hit nothing', async () => {
    const code = `return 'ran' // ${'x'.repeat(part(LIMITS.requestBytes) - 16)}`
    expect(await lab.run('app', code)).toBe('ran')
    expect(await hits('app')).toEqual([])
  })

  it('concurrentRequests, and serviceCalls', async () => {
    const count = part(LIMITS.concurrentRequests)
    const code = `${meet(count)}; return there`
    const all = await Promise.all(Array.from({ length: count }, () => lab.run('app', code)))
    expect(all).toEqual(Array.from({ length: count }, () => count))
    const calls = part(LIMITS.serviceCalls)
    const inner = JSON.stringify(`${meet(calls)}; return there`)
    expect(
      await lab.run(
        'app',
        `globalThis.there = 0; globalThis.open = undefined
        const call = async () => (await (await env.itself.fetch('https://x/', { method: 'POST', body: ${inner} })).json()).value
        return Promise.all(Array.from({ length: ${calls} }, call))`,
      ),
    ).toEqual(Array.from({ length: calls }, () => calls))
    expect(await hits('app')).toEqual([])
  })

  it('concurrentUploads, of which half is for one address', async () => {
    const code = `return 'whole'`
    const sockets = await Promise.all(
      Array.from({ length: part(LIMITS.concurrentUploads / 2) }, async () => {
        const socket = connect(Number(new URL(lab.host.url).port), '127.0.0.1').setEncoding('utf8')
        const head = `POST / HTTP/1.1\r\nHost: app.localhost\r\nConnection: close\r\nContent-Length: ${code.length}`
        await new Promise<void>((resolve) => socket.write(`${head}\r\n\r\n${code[0]}`, () => resolve()))
        return socket
      }),
    )
    // Requests that are there are answered meanwhile.
    for (let request = 0; request < 20; request++) expect((await lab.send('app')).status).toBe(200)
    for (const socket of sockets) {
      socket.write(code.slice(1))
      expect(await text(socket)).toMatch(/^HTTP\/1.1 200[^]*whole/)
    }
    expect(await hits('app')).toEqual([])
  })

  const SIZED: [string, number, (size: number) => string][] = [
    ['wallMs', LIMITS.wallTimeout * 1000, (size) => `await new Promise((resolve) => setTimeout(resolve, ${size / 10_000}))`],
    ['cpuMs', LIMITS.cpuMs, (size) => `let sum = 0; for (let i = 0; i < ${size} * 20; i++) sum += Math.sqrt(i); return sum`],
    ['hostMs', LIMITS.hostMs, (size) => `return env.db.all('WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT ${size / 10}) SELECT count(*) AS n FROM c')`],
  ] // prettier-ignore
  // What is over sooner than that by the clock took no more of a core: a busy machine only asks less.
  it.each(SIZED)('%s, and startupCpuMs at its first request', async (limit, max, code) => {
    const app = limit.toLowerCase()
    // With a database that is open.
    await lab.run(app, `await env.db.all('SELECT 1')`)
    for (let size = 10_000; ; size *= 2) {
      const begun = performance.now()
      const { status, text: answer } = await lab.send(app, { method: 'POST', body: code(size) })
      if (performance.now() - begun > part(max)) break
      expect([status, status === 200 ? '' : answer]).toEqual([200, ''])
      expect(await hits(app)).toEqual([])
      // Each second has its own share of hostMs.
      if (limit === 'hostMs') await sleep(1000)
    }
  })

  it('so that nobody has moved, and the log says nothing of a limit', () => {
    expect(lab.host.pids).toHaveLength(1)
    expect(lab.lines.filter((line) => /limit/.test(line) && !/^\[(?:wall|cpu|host)ms\]/.test(line))).toEqual(
      [],
    )
  })
})
