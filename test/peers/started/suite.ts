/** Miniflare's tests that start Workers: they run in Node, and each Worker is started for itself. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { bundleTests, WITHIN } from '../bundle.ts'
import { cutStatements } from '../miniflare/cut-storage.ts'
import { MINIFLARE_TESTS } from '../miniflare/suites.ts'
import { type Asked, NO_END, type Outcomes, startProject } from '../project.ts'
import type { SystemName } from '../suites.ts'
import { type Outcome, outcomeOf, type PeerTest } from '../within/harness.ts'
import type { Start } from './miniflare.ts'

/** The files, each with the calls whose statements are cut out: what the simulator logs, and how it reads options. */
const SPECS: Readonly<Record<string, RegExp>> = {
  'queues/index.spec.ts': /^(?:stripTimings|mf\.setOptions)\(/,
  'queues/delay.spec.ts': /^stripTimings\(/,
  'queues/retry.spec.ts': /^stripTimings\(/,
  'do/index.spec.ts': /^stripTimings\(/,
}

/** Times the timeout that a test has which starts its Workers itself, and waits for real time. */
const LONGER = 4

/** What the bundle of a spec exports. */
interface Spec {
  registered: readonly PeerTest[]
  startOn: (start: Start) => void
}

/** @param root folder that has the checkout's `packages`. */
export function startedProjects(root: string): Promise<readonly Asked[]> {
  const plugins = join(root, MINIFLARE_TESTS, 'plugins')
  return Promise.all(Object.entries(SPECS).map(([spec, cut]) => startedProject(join(plugins, spec), cut)))
}

async function startedProject(spec: string, cut: RegExp): Promise<Asked> {
  const own = (name: string): string => join(import.meta.dirname, name)
  const code = await bundleTests({
    entry: [
      `import ${JSON.stringify(spec)}`,
      `export { registered } from ${JSON.stringify(join(WITHIN, 'vitest.ts'))}`,
      `export { startOn } from ${JSON.stringify(own('miniflare.ts'))}`,
    ].join('\n'),
    instead: {
      vitest: join(WITHIN, 'vitest.ts'),
      miniflare: own('miniflare.ts'),
      zod: own('zod.ts'),
      '@cloudflare/workers-utils': own('test-shared.ts'),
      '../../test-shared': own('test-shared.ts'),
    },
    change: (path, text) => (path === spec ? cutStatements(text, cut) : text),
  })
  return { run: (system, timeout) => runSpec(code, system, timeout) }
}

async function runSpec(code: string, system: SystemName, timeout: number): Promise<Outcomes> {
  const dir = await mkdtemp(join(tmpdir(), 'unmoor-peers-'))
  try {
    const file = join(dir, 'spec.mjs')
    await writeFile(file, code)
    // Another folder for each system, so that nothing of a spec's own state is shared.
    const { registered, startOn } = (await import(pathToFileURL(file).href)) as Spec
    startOn((files) => startProject(files, system))
    const outcomes = new Map<string, Outcome>()
    for (const test of registered) outcomes.set(test.name, await runTest(test, timeout * LONGER))
    return outcomes
  } finally {
    await rm(dir, { recursive: true, force: true, maxRetries: 10 })
  }
}

async function runTest(test: PeerTest, timeout: number): Promise<Outcome> {
  const limit = Promise.withResolvers<Outcome>()
  const timer = setTimeout(() => limit.resolve({ name: test.name, error: NO_END }), timeout * 1000)
  try {
    return await Promise.race([outcomeOf(test, { env: {}, ctx: undefined }), limit.promise])
  } finally {
    clearTimeout(timer)
  }
}
