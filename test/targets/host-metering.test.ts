import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type ClientRequest, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildLab, type HostLab, labApp, startHostLab } from './host-lab.ts'

const LIMITS = {
  concurrentRequests: 2,
  requestBytes: 1000,
  responseBytes: 1000,
  subrequests: 2,
  timers: 5,
  cpuMs: 300,
}
const TOKEN = 'correct horse'
let artifact: string
let slow: string
let lab: HostLab

beforeAll(async () => {
  artifact = await buildLab(labApp(''))
  // Only in the isolate: the build imports the app too, in Node.
  slow = await buildLab(
    `let n = 0\nif (globalThis.navigator?.userAgent === 'unmoor') for (let i = 0; i < 3e9; i++) n += i % 7\nglobalThis.n = n\n${labApp('')}`,
  )
  lab = await startHostLab({
    processes: 1,
    admin: { port: 0, token: TOKEN },
    apps: {
      free: { dir: artifact, limits: { cpuMs: 20_000 } },
      idle: { dir: artifact },
      tight: { dir: artifact, limits: LIMITS },
      late: { dir: artifact, limits: { wallTimeout: 2 } },
      slow: { dir: slow, limits: { startupCpuMs: 100 } },
    },
  })
})
afterAll(async () => {
  await lab?.[Symbol.asyncDispose]()
  await Promise.all([artifact, slow].map((dir) => rm(dir, { recursive: true, force: true })))
})

interface Figures {
  cpuUs: number
  hostCpuUs: number
  wallMs: number
  requests: number
  bytesIn: number
  bytesOut: number
  limits: Record<string, number>
}
async function usage(app: string): Promise<Figures> {
  const response = await fetch(`${lab.host.adminUrl}/v1/usage?app=${app}`, {
    headers: { authorization: `Bearer ${TOKEN}` },
  })
  const { usage } = (await response.json()) as { usage: Figures[] }
  return usage[0] as Figures
}

/**
 * CPU time in microseconds of a process's threads but the first: in a host's process, those that run
 * isolates, and V8's helpers.
 */
function threadsTime(pid: number): number {
  let ticks = 0
  for (const tid of readdirSync(`/proc/${pid}/task`)) {
    if (tid === String(pid)) continue
    const text = readFileSync(`/proc/${pid}/task/${tid}/stat`, 'utf8')
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return ticks * 10_000
}

describe('metering', () => {
  it('of CPU time errs less than a tenth', async () => {
    const [pid] = lab.host.pids as [number]
    await lab.send('free')
    const [before, processBefore] = [await usage('free'), threadsTime(pid)]
    // So much work, however long it takes; the kernel counts it in steps of 10 ms, which a second has enough
    // of.
    let spent = 0
    while (spent < 1_000_000) {
      for (let index = 0; index < 5; index++)
        await lab.run('free', 'let n = 0; for (let i = 0; i < 3e7; i++) n += i % 7; return n')
      spent = threadsTime(pid) - processBefore
    }
    const after = await usage('free')
    // The host's own work is none of these threads'.
    const metered = after.cpuUs - after.hostCpuUs - (before.cpuUs - before.hostCpuUs)
    expect(metered / spent).toBeGreaterThan(0.9)
    expect(metered / spent).toBeLessThan(1.1)
  })

  it('of a second on a timer is next to nothing, and the wait shows as wall time', async () => {
    await lab.send('idle')
    const before = await usage('idle')
    await lab.run('idle', 'await new Promise((resolve) => setTimeout(resolve, 1000)); return 1')
    const after = await usage('idle')
    const waitedMs = after.wallMs - before.wallMs
    expect(waitedMs).toBeGreaterThan(990)
    expect(after.cpuUs - before.cpuUs).toBeLessThan((waitedMs * 1000) / 20)
    expect(after.requests).toBe(2)
    expect(after.bytesIn).toBeGreaterThan(100)
    expect(after.bytesOut).toBeGreaterThan(100)
  })

  it('is there for Prometheus; the rest asks for the token', async () => {
    const text = await (await fetch(`${lab.host.adminUrl}/metrics`)).text()
    expect(text).toMatch(/^unmoor_requests_total\{app="idle"\} 2$/m)
    expect(text).toMatch(/^unmoor_isolate_memory_bytes\{app="idle"\} [1-9]\d{5,}$/m)
    expect((await fetch(`${lab.host.adminUrl}/v1/usage`)).status).toBe(401)
    expect(
      (await fetch(`${lab.host.adminUrl}/v1/apps`, { headers: { authorization: 'Bearer wrong' } })).status,
    ).toBe(401)
  })
})

describe('usage', () => {
  it('outlives a restart, per app and hour, with what it costs', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-usage-'))
    const config = {
      processes: 1,
      dataDir,
      admin: { port: 0, token: TOKEN },
      apps: { kept: { dir: artifact } },
    }
    const read = async ({
      host,
    }: HostLab): Promise<{ usage: Figures[]; cost: { cpu: number; wall: number; ratio: number } }> =>
      (await (
        await fetch(`${host.adminUrl}/v1/usage?app=kept&price=1`, {
          headers: { authorization: `Bearer ${TOKEN}` },
        })
      ).json()) as never
    try {
      {
        await using first = await startHostLab(config)
        await first.run('kept', 'await new Promise((resolve) => setTimeout(resolve, 300)); return 1')
      }
      await using second = await startHostLab(config)
      const before = await read(second)
      expect(before.usage[0]).toMatchObject({ requests: 1, starts: 1 })
      await second.send('kept')
      const { usage, cost } = await read(second)
      expect(usage.reduce((sum, { requests }) => sum + requests, 0)).toBe(2)
      // Paid by wall time, the wait of 300 ms counts.
      expect(cost.wall).toBeGreaterThan(0.3)
      expect(cost.cpu).toBeLessThan(cost.wall)
      expect(cost.ratio).toBeCloseTo(cost.wall / cost.cpu)
      // What a host of 0.1 has left: taken over once, and bills are not lost without a word.
      const hour = new Date(Math.floor(Date.now() / 3_600_000) * 3_600_000 - 3_600_000).toISOString()
      await writeFile(join(dataDir, 'usage.json'), `{"${hour}":{"kept":{"requests":40,"cpuUs":1,`)
      await expect(startHostLab(config)).rejects.toThrow('usage.json cannot be read')
      await writeFile(join(dataDir, 'usage.json'), `{"${hour}":{"kept":{"requests":40,"cpuUs":1}}}`)
      for (let start = 0; start < 2; start++) {
        await using third = await startHostLab(config)
        const sum = (await read(third)).usage.reduce((total, { requests }) => total + requests, 0)
        expect(sum).toBe(42)
      }
      expect(await readFile(join(dataDir, 'usage.json.imported'), 'utf8')).toContain(hour)
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  })
})

describe('limits', () => {
  const post = (body: string): Promise<{ status: number; text: string }> =>
    lab.send('tight', { method: 'POST', body })

  it.each([
    ['cpuMs', 503, 'limit of 300 ms of CPU time', 'for (;;);'],
    ['requestBytes', 413, 'Content Too Large', `return ${JSON.stringify('x'.repeat(1000))}`],
    ['responseBytes', 500, 'limit of responseBytes, 1000', `return 'x'.repeat(1001)`],
    [
      'subrequests',
      299,
      'limit of subrequests, 2',
      `for (let i = 0; i < 3; i++) await fetch('http://127.0.0.1/').catch((error) => { if (error.message.includes('subrequests')) throw error })`,
    ],
    [
      'timers',
      503,
      'limit of 5 timers',
      'for (let i = 0; i < 6; i++) setTimeout(() => {}, 1000); await new Promise(() => {})',
    ],
  ])('%s is held and named', async (limit, status, message, code) => {
    const before = (await usage('tight'))?.limits[limit] ?? 0
    const answer = await post(code)
    expect(answer.text).toContain(message)
    expect(answer.status).toBe(status)
    expect((await usage('tight')).limits[limit]).toBe(before + 1)
    expect((await lab.send('tight')).status).toBe(200)
  })

  it('wallTimeout is held and named', async () => {
    const { status, text } = await lab.send('late', { method: 'POST', body: 'await new Promise(() => {})' })
    expect([status, text]).toEqual([503, expect.stringContaining('limit of wallTimeout, 2 s')])
    expect((await usage('late')).limits['wallMs']).toBe(1)
    expect((await lab.send('late')).status).toBe(200)
  })

  it('concurrentRequests is held and named', async () => {
    // Their answers do not end before their clients go.
    const endless = 'return new Response(new ReadableStream({ pull: () => new Promise(() => {}) }))'
    const held = await Promise.all(
      [0, 1].map(
        () =>
          new Promise<ClientRequest>((resolve, reject) => {
            const sent = request(lab.host.url, {
              method: 'POST',
              agent: false,
              headers: { host: 'tight.localhost', 'content-length': endless.length },
            })
            sent.once('response', () => resolve(sent)).once('error', reject)
            sent.end(endless)
          }),
      ),
    )
    expect(await lab.send('tight')).toMatchObject({
      status: 503,
      text: expect.stringContaining('limit of concurrentRequests, 2'),
    })
    for (const one of held) one.on('error', () => {}).socket?.resetAndDestroy()
    await expect.poll(() => lab.send('tight').then(({ status }) => status)).toBe(200)
  })

  it('start-up CPU is held and named', async () => {
    const { status, text } = await lab.send('slow')
    expect(text).toContain('limit of 100 ms of CPU time')
    expect(status).toBe(503)
    expect((await usage('slow')).limits['startupCpuMs']).toBe(1)
  })
})
