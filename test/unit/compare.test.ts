import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadAdapter, TARGETS } from '../../core/tools/build/adapters.ts'
import { CAPABILITIES, type Capability } from '../../core/capabilities.ts'
import { compareApp, type Comparison } from '../../core/tools/compare/compare.ts'
import { LOAD, monthlyCost, readPrices, total } from '../../core/tools/compare/cost.ts'
import { CAPABILITY_FACTS, DRIVER_FACTS, SAME } from '../../core/tools/compare/facts.ts'
import { PRICES } from '../../core/tools/compare/prices.ts'
import { headline, toHtml, toMarkdown, toText } from '../../core/tools/compare/report.ts'
import { LIMITS } from '../../core/limits.ts'
import { CASES, EXPECTATIONS } from '../../core/tools/conformance/index.ts'
import { driverCases } from '../../core/tools/conformance/drivers/cases.ts'
import { deviationsText, staleSince } from '../../core/tools/conformance/deviations.ts'
import { runUnmoor } from './cli-process.ts'
import { tempProject } from './temp-project.ts'

const examples = join(import.meta.dirname, '../../examples')
const reports = new Map<string, Promise<Comparison>>()

/** The report of an example, which is made once: several tests look at it. */
function compare(project: string, from: string, to: string): Promise<Comparison> {
  const key = `${project} ${from} ${to}`
  const report =
    reports.get(key) ??
    compareApp({
      projectDir: join(examples, project),
      from: { target: from },
      to: { target: to },
      expectations: (target) => EXPECTATIONS[target] ?? {},
      prices: PRICES,
    })
  reports.set(key, report)
  return report
}

const never = (): never => {
  throw new Error('never opened')
}
const caseIds = new Set([
  ...CASES.map(({ id }) => id),
  ...(['kv', 'strongKv', 'blob', 'sql', 'queue', 'cache'] as const).flatMap((kind) =>
    driverCases(kind, never).map(({ id }) => id),
  ),
])

let dir: string
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'unmoor-compare-'))
})
afterAll(() => rm(dir, { recursive: true, force: true }))

describe('proofs', () => {
  it('every statement names cases that exist, or limits', () => {
    const proofs = [
      ...Object.values(CAPABILITY_FACTS).map(({ cases }) => ({ cases })),
      ...DRIVER_FACTS.map(({ proof }) => proof),
      ...SAME.map(({ proof }) => proof),
    ]
    for (const { cases = [], limits = [] } of proofs as {
      cases?: readonly string[]
      limits?: readonly string[]
    }[]) {
      expect(cases.length + limits.length).toBeGreaterThan(0)
      for (const id of cases) expect(caseIds, id).toContain(id)
      for (const name of limits) expect(Object.keys(LIMITS)).toContain(name)
    }
  })

  it('cases that need a capability are among its proofs', () => {
    for (const { id, needs } of CASES)
      if (needs !== undefined) expect(CAPABILITY_FACTS[needs].cases, id).toContain(id)
  })

  it('every change of a report has one', async () => {
    const { changes } = await compare('links', 'cloudflare', 'lambda')
    for (const { id, proof } of changes)
      expect(
        (proof.cases?.length ?? 0) + (proof.limits?.length ?? 0) + (proof.adapter === undefined ? 0 : 1),
        id,
      ).toBeGreaterThan(0)
  })
})

describe('capabilities', async () => {
  const names = (await readdir(examples)).filter((name) =>
    existsSync(join(examples, name, 'unmoor.config.ts')),
  )
  // What differs one way differs the other.
  const pairs = TARGETS.flatMap((from, index) => TARGETS.slice(index + 1).map((to) => [from, to] as const))

  it('each that differs is told: with the places where the app uses it, or as one that it does not use', async () => {
    for (const [from, to] of pairs) {
      const report = await compare('links', from, to)
      const [a, b] = [await loadAdapter(from, examples), await loadAdapter(to, examples)]
      for (const capability of Object.keys(CAPABILITIES) as Capability[]) {
        const differs = a.capabilities[capability] !== b.capabilities[capability]
        const told =
          report.changes.some(({ id }) => id === `capability:${capability}`) ||
          report.unused.includes(capability)
        expect([from, to, capability, told]).toEqual([from, to, capability, differs])
      }
    }
  })

  it.each(names)('examples/%s: the report of a move to Lambda is made', async (name) => {
    const report = await compare(name, 'node', 'lambda')
    expect(toText(report)).toContain(headline(report))
  })

  it('a use is found with file and line', async () => {
    await using project = await tempProject({
      'src/app.ts': `import { cache, defineApp, defineBindings, sql } from 'unmoor'
const bindings = defineBindings({ pages: cache(), db: sql() })
export default defineApp({
  bindings,
  fetch: async (request, env, ctx) => {
    request.signal.addEventListener('abort', () => {})
    ctx.waitUntil(env.pages.delete('https://a.test/'))
    await env.db.transaction(async () => {})
    return new Response(request.body)
  },
})
`,
    })
    const report = await compareApp({
      projectDir: project.dir,
      from: { target: 'node' },
      to: { target: 'cloudflare' },
      expectations: () => ({}),
      prices: PRICES,
    })
    expect(report.changes.find(({ id }) => id === 'capability:sql.interactiveTransactions')).toMatchObject({
      kind: 'lost',
      uses: [{ file: 'src/app.ts', line: 8 }],
    })
    expect(report.changes.find(({ id }) => id === 'capability:cache.shared')).toMatchObject({
      kind: 'gained',
      uses: [{ file: 'src/app.ts', line: 7 }],
    })
    const lambda = await compareApp({
      projectDir: project.dir,
      from: { target: 'node' },
      to: { target: 'lambda' },
      expectations: () => ({}),
      prices: PRICES,
    })
    expect(
      lambda.changes
        .filter(({ id }) => id.startsWith('capability:request'))
        .map(({ id, uses }) => [id, uses[0]?.line]),
    ).toEqual([
      ['capability:request.streaming', 9],
      ['capability:request.abort', 6],
      ['capability:request.large', 9],
    ])
    expect(lambda.changes.find(({ id }) => id === 'capability:http.keepWorkAfterAnswer')).toMatchObject({
      uses: [{ line: 7 }],
    })
  })

  it('a use is found where a request and a binding go by other names', async () => {
    await using project = await tempProject({
      'src/app.ts': `import { defineApp, defineBindings, sql } from 'unmoor'
import { save } from './save.ts'
const bindings = defineBindings({ db: sql() })
export default defineApp({ bindings, fetch: (incoming, e) => save(incoming, e.db) })
`,
      'src/save.ts': `export async function save(given, store) {
  await store.transaction(async () => {})
  given.signal.throwIfAborted()
  return Response.json(await given.json())
}
`,
    })
    const options = {
      projectDir: project.dir,
      from: { target: 'node' },
      expectations: () => ({}),
      prices: PRICES,
    }
    const lambda = await compareApp({ ...options, to: { target: 'lambda' } })
    const used = (id: string): unknown =>
      lambda.changes.find((change) => change.id === `capability:${id}`)?.uses
    expect(used('request.abort')).toEqual([{ file: 'src/save.ts', line: 3 }])
    expect(used('request.large')).toEqual([{ file: 'src/save.ts', line: 4 }])
    const cloudflare = await compareApp({ ...options, to: { target: 'cloudflare' } })
    expect(
      cloudflare.changes.find(({ id }) => id === 'capability:sql.interactiveTransactions'),
    ).toMatchObject({ uses: [{ file: 'src/save.ts', line: 2 }] })
  })
})

describe('drivers', () => {
  it('two sets of drivers on one target, by option and by a config of its own', async () => {
    const { code, stdout } = await runUnmoor([
      'compare',
      'node',
      'node',
      '--to-driver',
      'stats=postgres',
      '--project',
      join(examples, 'links'),
      '--reporter',
      'json',
    ])
    expect(code).toBe(0)
    const report = JSON.parse(stdout) as Comparison
    expect(report.to).toBe('node with postgres for stats')
    expect(report.changes.map(({ id }) => id)).toEqual(['driver:stats:postgres'])
    await writeFile(
      join(dir, 'other.config.ts'),
      `export default { name: 'links', targets: { node: { drivers: { stats: 'postgres' } } } }\n`,
    )
    const other = await runUnmoor([
      'compare',
      'node',
      `node@${join(dir, 'other.config.ts')}`,
      '--project',
      join(examples, 'links'),
      '--reporter',
      'json',
    ])
    expect((JSON.parse(other.stdout) as Comparison).changes.map(({ id }) => id)).toEqual([
      'driver:stats:postgres',
    ])
  })

  it('what becomes of the data when a machine or a server goes is told, both ways', async () => {
    const moved = async (from: string, to: string): Promise<[string, string][]> => {
      const side = (driver: string): { target: string; drivers: Record<string, string> } => ({
        target: 'node',
        drivers: { links: driver },
      })
      const report = await compareApp({
        projectDir: join(examples, 'links'),
        from: side(from),
        to: side(to),
        expectations: () => ({}),
        prices: PRICES,
      })
      return report.changes.filter(({ id }) => id.startsWith('driver:')).map(({ id, kind }) => [id, kind])
    }
    expect(await moved('sqlite', 'redis')).toEqual([
      ['driver:links:durable as its server', 'different'],
      ['driver:links:no one machine', 'gained'],
    ])
    expect(await moved('redis', 'postgres')).toEqual([['driver:links:no durable as its server', 'gained']])
    expect(await moved('postgres', 'sqlite')).toEqual([['driver:links:one machine', 'different']])
  })

  it('statements that the other engine refuses are told with their lines', async () => {
    await using project = await tempProject({
      'src/app.ts': `import { defineApp, defineBindings, sql } from 'unmoor'
const bindings = defineBindings({ db: sql() })
export default defineApp({ bindings, fetch: async (_request, env) => {
  await env.db.run('INSERT OR REPLACE INTO a (id) VALUES (?)', [1])
  return new Response('ok')
} })
`,
    })
    const { changes } = await compareApp({
      projectDir: project.dir,
      from: { target: 'node' },
      to: { target: 'lambda' },
      expectations: () => ({}),
      prices: PRICES,
    })
    expect(changes.find(({ id }) => id === 'check:sql-insert-or')).toMatchObject({
      kind: 'lost',
      uses: [{ file: 'src/app.ts', line: 4 }],
    })
  })
})

describe('cost', () => {
  it('counts what is over the included amount, by hand', () => {
    const load = {
      ...LOAD,
      requests: 20_000_000,
      cpuMs: 5,
      kvReads: 1,
      kvWrites: 0,
      blobReads: 0,
      blobWrites: 0,
      sqlReads: 0,
      sqlWrites: 0,
      queueMessages: 0,
      kvGb: 0,
      blobGb: 0,
      sqlGb: 0,
    }
    // 5 base, 10 M requests at 0.30, 70 M ms at 0.02, 10 M reads at 0.50.
    expect(monthlyCost('cloudflare', load, PRICES)).toEqual([
      { item: 'base price', amount: 5 },
      { item: 'requests', amount: 3 },
      { item: 'CPU time', amount: 1.4 },
      { item: 'kv reads', amount: 5 },
    ])
    expect(total(monthlyCost('cloudflare', load, PRICES) ?? [])).toBe(14.4)
    // 20 M requests of 50 ms at 0.5 GB: 500,000 GB-s.
    expect(monthlyCost('lambda', { ...load, kvReads: 0 }, PRICES)).toEqual([
      { item: 'requests', amount: 4 },
      { item: 'GB-seconds', amount: 8.33 },
    ])
    // 11 GB of kv at 0.50 over the first, 20 GB of blobs at 0.015 over the first ten.
    const stored = { ...load, requests: 0, kvGb: 12, blobGb: 30 }
    expect(monthlyCost('cloudflare', stored, PRICES)?.slice(1)).toEqual([
      { item: 'kv storage', amount: 5.5 },
      { item: 'blob storage', amount: 0.3 },
    ])
  })

  it('every price has its source', () => {
    const named = PRICES.sources.map(({ of }) => of).join('; ')
    for (const target of ['cloudflare', 'lambda'])
      for (const name of Object.keys(PRICES[target] as object).filter((price) => price !== 'month'))
        expect(
          PRICES.sources.some(({ of }) => of.startsWith(target) && new RegExp(`\\b${name}\\b`).test(of)),
          `${target}.${name} in ${named}`,
        ).toBe(true)
  })

  it("a user's prices replace ours, bad ones are named", async () => {
    const path = join(dir, 'prices.json')
    await writeFile(path, '{ "read": "2027-01-01", "cloudflare": { "month": 7 } }')
    const prices = await readPrices(path)
    expect(monthlyCost('cloudflare', { ...LOAD, requests: 0 }, prices)).toEqual([
      { item: 'base price', amount: 7 },
    ])
    await writeFile(path, '{ "read": "2027-01-01", "lambda": { "requests": -1 } }')
    await expect(readPrices(path)).rejects.toMatchObject({
      code: 'InvalidArgument',
      message: expect.stringContaining('lambda.requests'),
    })
    await writeFile(path, '{ "lambda": {} }')
    await expect(readPrices(path)).rejects.toMatchObject({
      message: expect.stringContaining('"read" is missing'),
    })
  })
})

describe('pages', () => {
  it('Markdown has every change with its places', async () => {
    const report = await compare('links', 'node', 'lambda')
    const text = toMarkdown(report)
    for (const { what, uses } of report.changes) {
      expect(text).toContain(what)
      for (const { file, line } of uses) expect(text).toContain(`\`${file}:${line}\``)
    }
  })

  it('an unknown kind of file is a wrong use', async () => {
    const { code, stderr } = await runUnmoor([
      'compare',
      'node',
      'lambda',
      '--project',
      join(examples, 'links'),
      '--out',
      'report.pdf',
    ])
    expect([code, stderr]).toEqual([2, expect.stringContaining('.md, .html or .json')])
  })

  const program = ['/usr/bin/chromium', '/usr/bin/google-chrome'].find((path) => existsSync(path))
  if (program === undefined)
    console.warn('skipped: "the page in a browser". No Chromium is installed: apt-get install chromium')
  it.skipIf(program === undefined)(
    'the page in a browser: one file, no requests, no errors, a chart with both sides, narrow screens too',
    async () => {
      const report = await compare('links', 'lambda', 'cloudflare')
      const path = join(dir, 'report.html')
      await writeFile(path, toHtml(report))
      const browser = await chromium.launch({
        executablePath: program as string,
        args: [
          '--no-sandbox',
          '--disable-gpu',
          '--disable-quic',
          '--no-first-run',
          '--disable-background-networking',
          '--disable-component-update',
          '--disable-sync',
        ],
      })
      try {
        const page = await browser.newPage({ viewport: { width: 360, height: 800 } })
        const [requests, errors]: string[][] = [[], []]
        page.on('request', (request) => requests?.push(request.url()))
        page.on('pageerror', (error) => errors?.push(error.message))
        page.on('console', (message) => errors?.push(message.text()))
        const url = pathToFileURL(path).href
        await page.goto(url)
        expect([requests, errors]).toEqual([[url], []])
        expect(await page.textContent('h1')).toBe(headline(report))
        expect(await page.locator('ol > li').count()).toBe(report.changes.length)
        const bars = await page
          .locator('svg rect')
          .evaluateAll((found) => found.map((one) => one.getBoundingClientRect().width))
        expect(bars.length).toBeGreaterThan(10)
        expect(Math.max(...bars)).toBeGreaterThan(20)
        expect(await page.locator('svg').getAttribute('aria-label')).toMatch(
          /lambda \d+\.\d+, cloudflare \d+\.\d+ USD/,
        )
        // Nothing sticks out to the side.
        expect(await page.evaluate('document.documentElement.scrollWidth <= window.innerWidth')).toBe(true)
      } finally {
        await browser.close()
      }
    },
  )
})

describe('the page of what differs', async () => {
  const adapters = await Promise.all(TARGETS.map((name) => loadAdapter(name, examples)))

  it('is fresh: unmoor conformance --deviations core/tools/conformance/DEVIATIONS.md', async () => {
    expect(
      await readFile(join(import.meta.dirname, '../../core/tools/conformance/DEVIATIONS.md'), 'utf8'),
    ).toBe(deviationsText(adapters))
  })

  it('has a version for each, and none for what no longer differs: core/tools/conformance/since.ts', () => {
    expect(staleSince(adapters)).toEqual({ missing: [], extra: [] })
  })
})
