/** Miniflare's tests of bindings, as Workers that have those bindings. */
import { join } from 'node:path'
import { bundleTests, WITHIN } from '../bundle.ts'
import type { Project } from '../project.ts'
import { cutStorage } from './cut-storage.ts'
import { partSizeChanges } from './part-size.ts'

/** Where the tests are in workers-sdk. */
export const MINIFLARE_TESTS = 'packages/miniflare/test'

export type BindingSuite = 'kv' | 'r2' | 'd1' | 'cache'

const WRANGLER: Readonly<Record<BindingSuite, Record<string, unknown>>> = {
  kv: { kv_namespaces: [{ binding: 'NAMESPACE', id: 'namespace' }] },
  r2: { r2_buckets: [{ binding: 'BUCKET', bucket_name: 'bucket' }] },
  d1: { d1_databases: [{ binding: 'DB', database_name: 'db', database_id: 'db' }] },
  cache: {},
}

/** Seconds; a Worker of the oracle knows no time before its first request. */
const NOW = Math.floor(Date.now() / 1000)

type Change = readonly [from: string, to: string]

/**
 * What is written otherwise than in the checkout, for the oracle and for ours alike: times of a simulator's
 * clock that stands still begin now, parts of an upload are as long as outside of the simulator's own tests,
 * and what newer releases say of a statement besides is taken as it is.
 */
const CHANGES: Readonly<Record<BindingSuite, readonly Change[]>> = {
  kv: [
    ['export const TIME_NOW = 1000;', `export const TIME_NOW = ${NOW};`],
    ['export const TIME_FUTURE = 1500;', `export const TIME_FUTURE = ${NOW + 1000};`],
  ],
  r2: partSizeChanges(),
  d1: [
    [
      'served_by: "miniflare.db",',
      'served_by: result.meta.served_by, served_by_primary: result.meta.served_by_primary, ' +
        'total_attempts: result.meta.total_attempts, timings: result.meta.timings,',
    ],
  ],
  cache: [
    // A header's time has whole seconds.
    ['new Date(1_000_000 + 2_000)', 'new Date(Date.now() + 4_000)'],
    ['expectedTtl: 2000', 'expectedTtl: 4000'],
    ['new Date(1_000_000 + 2000)', 'new Date(Date.now() + 60_000)'],
  ],
}

/** The file of a suite that has its tests. */
const SPEC: Readonly<Record<BindingSuite, string>> = {
  kv: 'index.spec.ts',
  r2: 'index.spec.ts',
  d1: 'suite.ts',
  cache: 'index.spec.ts',
}

/** The Worker of one suite. @param root folder that has the checkout's `packages`. */
export async function bindingProject(suite: BindingSuite, root: string): Promise<Project> {
  const spec = join(root, MINIFLARE_TESTS, 'plugins', suite, 'index.spec.ts')
  const within = (name: string): string => join(WITHIN, name)
  const shared = (name: string): string => join(root, MINIFLARE_TESTS, 'test-shared', name)
  const code = await bundleTests({
    entry: [
      `import ${JSON.stringify(spec)}`,
      `import { createFetch } from ${JSON.stringify(within('harness.ts'))}`,
      `import { registered } from ${JSON.stringify(within('vitest.ts'))}`,
      'export default { fetch: createFetch(registered) }',
    ].join('\n'),
    instead: {
      vitest: within('vitest.ts'),
      miniflare: within('miniflare.ts'),
      'node:fs/promises': within('files.ts'),
      'node:buffer': within('web-classes.ts'),
      'node:stream/consumers': within('web-classes.ts'),
      'node:stream/web': within('web-classes.ts'),
      'node:util': within('web-classes.ts'),
    },
    texts: {
      '../../test-shared': [
        `export * from ${JSON.stringify(within('test-shared.ts'))}`,
        `export { namespace } from ${JSON.stringify(shared('miniflare.ts'))}`,
        `export { createJunkStream, utf8Decode, utf8Encode } from ${JSON.stringify(shared('storage.ts'))}`,
      ].join('\n'),
    },
    change: (path, text) => (path.startsWith(root) ? changed(suite, path, text) : text),
  })
  return { code, wrangler: { ...WRANGLER[suite], compatibility_flags: ['nodejs_compat'] } }
}

function changed(suite: BindingSuite, path: string, text: string): string {
  let out = text
  if (path.endsWith(join('plugins', suite, SPEC[suite]))) {
    for (const [from, to] of CHANGES[suite]) {
      if (!out.includes(from)) throw new Error(`${path} has no "${from}" any more: see miniflare/suites.ts.`)
      out = out.replaceAll(from, to)
    }
    out = cutStorage(out)
  }
  return `const __dirname = '/';\n${out}`
}
