import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, it } from 'vitest'
import type { Adapter, LocalRuntime } from '../../core/adapter.ts'
import { CAPABILITIES, type Capabilities, type Capability } from '../../core/capabilities.ts'
import {
  CASES,
  matrixText,
  reportLine,
  reportText,
  runConformance,
  selectCases,
} from '../../core/tools/conformance/index.ts'

const ALL = Object.fromEntries(
  Object.keys(CAPABILITIES).map((name) => [name, true]),
) as unknown as Capabilities
const memory = { driver: 'memory' }

/**
 * A target whose "runtime" is a server of this test: what the runner makes of answers is the subject, not the
 * app.
 */
function fakeTarget(
  listener: RequestListener,
  options: {
    capabilities?: Capabilities
    started?: (server: Server, end: (code: number) => void) => void
    fails?: string
  } = {},
): Adapter {
  return {
    name: 'fake',
    capabilities: options.capabilities ?? ALL,
    nodeBuiltins: 'all',
    conditions: ['node'],
    defaultDrivers: {
      kv: memory,
      blob: memory,
      sql: { driver: 'sqlite' },
      queue: memory,
      cache: memory,
      secret: { driver: 'env' },
      service: { driver: 'http' },
      assets: { driver: 'files' },
      sockets: memory,
    },
    async build() {},
    async start(): Promise<LocalRuntime> {
      if (options.fails !== undefined) throw new Error(options.fails)
      const server = createServer(listener)
      await new Promise<void>((resolve) => {
        server.listen(0, '127.0.0.1', resolve)
      })
      const exited = Promise.withResolvers<number | null>()
      options.started?.(server, exited.resolve)
      return {
        url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        runtime: 'fake 1.0',
        pids: [],
        exited: exited.promise,
        async stop() {
          server.closeAllConnections()
          server.close()
        },
      }
    },
    migrate: async () => ({}),
  }
}

const passing: RequestListener = (_request, response) => void response.end('{"ok":true}')

function without(...names: Capability[]): Capabilities {
  return { ...ALL, ...Object.fromEntries(names.map((name) => [name, false])) }
}

describe('the list of cases', () => {
  it('has at least 200, each with an id of its own, a contract in a sentence, and a negative twin where it needs a capability', () => {
    expect(CASES.length).toBeGreaterThanOrEqual(200)
    expect(new Set(CASES.map(({ id }) => id)).size).toBe(CASES.length)
    for (const one of CASES) {
      expect(`${one.id}: ${one.contract}`).toMatch(/^[a-zA-Z]+-\d{2,3}[a-z]?: .{10,}[.]$/)
      expect([one.id, one.without === undefined]).toEqual([one.id, one.needs === undefined])
    }
  })

  it('is selected by part of an id or by a pattern', () => {
    expect(selectCases('kv-0').every(({ id }) => id.startsWith('kv-0'))).toBe(true)
    expect(selectCases('*-01').map(({ id }) => id)).toContain('sql-01')
    expect(selectCases('*-01').map(({ id }) => id)).not.toContain('sql-11')
    expect(selectCases('no such case')).toEqual([])
    expect(selectCases('kv.01')).toEqual([])
  })
})

describe('runConformance', () => {
  it('counts what passed and what failed, with the error that the target gave', async () => {
    const adapter = fakeTarget(
      (request, response) =>
        void response.end(
          request.url?.includes('kv-03') === true ? '{"ok":false,"error":"wrong bytes"}' : '{"ok":true}',
        ),
    )
    const report = await runConformance({ target: 'fake', adapter, filter: 'kv-0' })
    expect(report).toMatchObject({
      target: 'fake',
      runtime: 'fake 1.0',
      total: 9,
      passed: 8,
      failed: 1,
      skipped: 0,
      expectedFailures: 0,
      groups: { kv: { total: 9, passed: 8 } },
    })
    expect(report.cases.find(({ id }) => id === 'kv-03')).toMatchObject({
      outcome: 'failed',
      error: 'wrong bytes',
    })
    expect(reportText(report)).toContain('FAILED kv-03')
    expect(reportLine(report)).toMatchObject({
      total: 9,
      passed: 8,
      failed: 1,
      cases: [{ id: 'kv-03', outcome: 'failed' }],
    })
  })

  it('scores 0 of all where the target does not start', async () => {
    const report = await runConformance({
      target: 'fake',
      adapter: fakeTarget(passing, { fails: 'no memory' }),
    })
    expect(report).toMatchObject({ total: CASES.length, passed: 0, failed: CASES.length })
    expect(report.cases[0]?.error).toContain('no memory')
  })

  it('fails what is left where the runtime ends by itself', async () => {
    let answered = 0
    let end: (code: number) => void = () => {}
    const listener: RequestListener = (request, response) => {
      if (++answered === 3) {
        end(7)
        request.socket.destroy()
      } else response.end('{"ok":true}')
    }
    const adapter = fakeTarget(listener, { started: (_server, resolve) => void (end = resolve) })
    const report = await runConformance({ target: 'fake', adapter, filter: 'kv-0', concurrency: 1 })
    expect(report).toMatchObject({ total: 9, passed: 2, failed: 7 })
    expect(report.cases.at(-1)?.error).toContain('ended by itself with exit code 7')
  })

  it('fails an answer that is none', async () => {
    const adapter = fakeTarget((_request, response) => void response.writeHead(503).end('busy'))
    const report = await runConformance({ target: 'fake', adapter, filter: 'kv-01' })
    expect(report.cases[0]).toMatchObject({ outcome: 'failed', error: 'its route answered 503: busy' })
  })

  it('runs the negative twin where a capability is missing, and counts it as skipped only if that passes', async () => {
    const asked: (string | undefined)[] = []
    const listener: RequestListener = (request, response) => {
      asked.push(request.url)
      response.end('{"ok":true}')
    }
    const capabilities = without('sql.interactiveTransactions')
    const skipped = await runConformance({
      target: 'fake',
      adapter: fakeTarget(listener, { capabilities }),
      filter: 'sql-46',
    })
    expect(asked).toEqual(['/__conformance/sql-46?twin'])
    expect(skipped).toMatchObject({ total: 1, passed: 0, skipped: 1, failed: 0 })
    const failing = fakeTarget(
      (_request, response) => void response.end('{"ok":false,"error":"it worked"}'),
      { capabilities },
    )
    expect(await runConformance({ target: 'fake', adapter: failing, filter: 'sql-46' })).toMatchObject({
      total: 1,
      skipped: 0,
      failed: 1,
    })
  })

  it('takes an expected failure for one, and a surprise pass for a failure', async () => {
    const adapter = fakeTarget(
      (request, response) =>
        void response.end(
          request.url?.includes('kv-03') === true ? '{"ok":false,"error":"wrong"}' : '{"ok":true}',
        ),
    )
    const report = await runConformance({
      target: 'fake',
      adapter,
      filter: 'kv-0',
      expectations: { 'kv-03': 'a reason', 'kv-04': 'an outdated reason' },
    })
    expect(report).toMatchObject({ total: 9, passed: 7, expectedFailures: 1, failed: 1 })
    expect(report.cases.find(({ id }) => id === 'kv-04')?.error).toContain('an outdated reason')
  })

  it('never runs two cases of one `exclusive` at once', async () => {
    const exclusive = CASES.filter((one) => one.exclusive === 'batches').map(({ id }) => id)
    let running = 0
    let most = 0
    const listener: RequestListener = (request, response) => {
      const own = exclusive.some((id) => request.url?.includes(id) === true)
      if (own) most = Math.max(most, ++running)
      setTimeout(() => {
        if (own) running--
        response.end('{"ok":true}')
      }, 20)
    }
    const report = await runConformance({
      target: 'fake',
      adapter: fakeTarget(listener),
      filter: 'queue',
      concurrency: 16,
    })
    expect(exclusive.length).toBeGreaterThan(1)
    expect([report.failed, most]).toEqual([0, 1])
  })
})

describe('matrixText', () => {
  it('has a row per group, and notes of what is skipped or expected to fail', async () => {
    const adapter = fakeTarget(passing, { capabilities: without('sql.interactiveTransactions') })
    const report = await runConformance({ target: 'fake', adapter, filter: 'sql-4' })
    const text = matrixText([report])
    expect(text).toContain(`| sql | ${report.passed}/${report.total} (${report.skipped} skipped) |`)
    expect(report.skipped).toBeGreaterThan(0)
    expect(text).toContain('| kv | - |')
    expect(text).toContain('fake, `sql-46` (skipped): without sql.interactiveTransactions')
    expect(text).not.toContain('fake 1.0')
  })
})
