import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { LocalRuntime } from '../../core/adapter.ts'
import { buildApp } from '../../core/tools/build/build.ts'
import type { AnyConfig } from '../../core/config.ts'
import { startApp } from '../../core/tools/testing/index.ts'
import type links from '../../examples/links/src/app.ts'
import { CASES } from '../../core/tools/conformance/index.ts'
import { checkout } from '../unit/temp-project.ts'
import { runSuite } from './deno-suite.ts'

const example = join(checkout, 'examples/deno')
const config: AnyConfig = {
  name: 'links',
  entry: './src/app.ts',
  targets: { deno: { adapter: join(example, 'adapter.ts') } },
}
const projectDir = join(checkout, 'examples/links')
const scratch = await mkdtemp(join(tmpdir(), 'unmoor-deno-'))
afterAll(() => rm(scratch, { recursive: true, force: true }))

// The whole suite: `deno-suite.slow.test.ts`.
it('the adapter outside of the package passes a case of each group, by the published command', async () => {
  const { code, report, stderr } = await runSuite('--filter', '*-01')
  expect(
    report.cases.filter(({ outcome }) => outcome === 'failed'),
    stderr.slice(-3000),
  ).toEqual([])
  expect(code).toBe(0)
  expect(report).toMatchObject({ target: 'deno', failed: 0 })
  expect(report.total).toBe(CASES.filter(({ id }) => id.endsWith('-01')).length)
  expect(report.runtime).toMatch(/^deno 2\./)
})

it('is written against public exports only', () => {
  const files = readdirSync(example, { recursive: true, encoding: 'utf8' }).filter(
    (name) => name.endsWith('.ts') && !name.startsWith('.unmoor'),
  )
  expect(files).toContain('adapter.ts')
  for (const file of files) {
    const imports = [...readFileSync(join(example, file), 'utf8').matchAll(/from '([^']+)'/g)].map(
      ([, name = '']) => name,
    )
    for (const name of imports)
      expect(name, file).toMatch(
        /^(unmoor(\/[a-z-]+)?|croner|node:[\w/]+|#app|\.\.?\/(?!.*\.\.\/)[\w/.-]+\.ts)$/,
      )
  }
})

it('an app with pages, a database, a queue and a cron runs on Deno as it is', async () => {
  const t = await startApp<typeof links>({
    projectDir,
    target: 'deno',
    config,
    variables: { ADMIN_TOKEN: 'deno-token' },
  })
  try {
    const headers = { authorization: 'Bearer deno-token', 'content-type': 'application/json' }
    const made = await t.fetch('/api/links', {
      method: 'POST',
      headers,
      body: JSON.stringify({ slug: 'deno', url: 'https://example.org/' }),
    })
    expect(made.status).toBe(201)
    expect((await t.fetch('/deno', { redirect: 'manual' })).headers.get('location')).toBe(
      'https://example.org/',
    )
    await t.queues.clicks.drained()
    expect(await (await t.fetch('/api/stats/deno', { headers })).json()).toMatchObject({ total: 1 })
    await t.crons.cleanup.run()
    expect((await t.fetch('/style.css')).headers.get('content-type')).toMatch(/^text\/css/)
  } finally {
    await t.stop()
  }
})

it('migrates alone, stops by itself, and says what is wrong with a start', async () => {
  const { adapter, info, outDir } = await buildApp({
    projectDir,
    target: 'deno',
    config,
    outDir: join(scratch, 'app'),
  })
  const warnings: string[] = []
  const log = { info() {}, warn: (text: string) => void warnings.push(text) }
  const options = { dir: outDir, info, dataDir: join(scratch, 'data'), variables: { ADMIN_TOKEN: 'x' }, log }
  expect(await adapter.migrate(options)).toEqual({ stats: { applied: ['0001_links'], already: [] } })
  expect(await adapter.migrate(options)).toEqual({ stats: { applied: [], already: ['0001_links'] } })
  await expect(adapter.start({ ...options, port: 0, variables: {} })).rejects.toMatchObject({
    code: 'NotFound',
    message: expect.stringContaining('ADMIN_TOKEN'),
  })
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  const { port } = other.address() as AddressInfo
  await expect(adapter.start({ ...options, port })).rejects.toMatchObject({
    code: 'Unavailable',
    message: expect.stringContaining(`Port ${port}`),
  })
  other.close()
  const runtime: LocalRuntime = await adapter.start({ ...options, port: 0 })
  expect(new URL(runtime.url).hostname).toBe('127.0.0.1')
  await runtime.stop()
  expect([await runtime.exited, warnings]).toEqual([0, []])
})
