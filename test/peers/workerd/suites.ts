/** Workerd's tests of its API, grouped into Workers that need the same flags and bindings. */
import { readdir, readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { bundleTests, WITHIN } from '../bundle.ts'
import type { Project } from '../project.ts'
import { softenAsserts } from './soft-asserts.ts'
import { readWdTest, type WdTest } from './wd-test.ts'

/** Where the tests are in workerd. */
export const WORKERD_TESTS = 'src/workerd/api/tests'

/** Streams, URL, FormData, compression and HTMLRewriter, by the names of their files. */
const SUBJECTS =
  /^(?:streams|transform-streams|pipe|identity-transform|byob|compression|decompression|encoding-streams|form-data|url|htmlrewriter)/

/**
 * What the old flags ask of workerd that it no longer does by default, or that another implementation of
 * streams does: no Worker of today has them.
 */
const OLD = /no_default_auto_allocate|typescript_implemented|does_not_detach|legacy|url_original/

const JSON_OF = JSON.stringify

/** A file that is not asked, with the reason. */
export interface LeftOut {
  file: string
  reason: string
}

/** @param root folder that has the checkout's `src`. */
export async function apiProjects(root: string): Promise<{ projects: Project[]; leftOut: LeftOut[] }> {
  const dir = join(root, WORKERD_TESTS)
  const groups = new Map<string, { wd: WdTest; files: string[] }>()
  const leftOut: LeftOut[] = []
  const files = (await readdir(dir)).filter((file) => SUBJECTS.test(file) && file.endsWith('.js')).sort()
  for (const file of files) {
    const wd = readWdTest(
      await readFile(join(dir, file.replace(/\.js$/, '.wd-test')), 'utf8').catch(() => ''),
    )
    const old = wd?.flags.find((flag) => OLD.test(flag))
    if (wd === undefined) leftOut.push({ file, reason: 'its configuration has more than a Worker' })
    else if (old !== undefined) leftOut.push({ file, reason: `it asks for ${old}` })
    else {
      // A Worker that calls itself has a handler of its own.
      const key = wd.selves.length > 0 ? file : [...wd.flags].sort().join()
      const group = groups.get(key) ?? { wd, files: [] }
      groups.set(key, { wd, files: [...group.files, file] })
    }
  }
  const projects = await Promise.all([...groups.values()].map(({ wd, files }) => project(dir, wd, files)))
  return { projects, leftOut }
}

async function project(dir: string, wd: WdTest, files: readonly string[]): Promise<Project> {
  const code = await bundleTests({
    entry: entryOf(dir, files),
    instead: { 'node:test': join(WITHIN, 'mock.ts') },
  })
  return {
    code,
    together: 8,
    wrangler: {
      compatibility_flags: flagsOf(wd.flags),
      services: wd.selves.map((binding) => ({ binding, service: 'peers' })),
    },
  }
}

/** They fill a database by `setMaxPageCountForTest`, which a build of workerd has for its own tests. */
const NEEDS_OWN_METHOD = /CriticalError/

/** Workerd's tests of the SQL of objects, each assertion a test. */
export function sqlProjects(root: string): Promise<Project[]> {
  const files = ['sql-test.js', 'sql-restrict-names-test.js', 'sql-resizable-arraybuffer-test.js']
  return Promise.all(files.map((file) => sqlProject(join(root, WORKERD_TESTS), file)))
}

async function sqlProject(dir: string, file: string): Promise<Project> {
  const code = await bundleTests({
    entry:
      `${entryOf(dir, [file], NEEDS_OWN_METHOD)}\n` +
      `export { DurableObjectExample } from ${JSON_OF(join(dir, file))}`,
    change: (path, text) =>
      basename(path) === file
        ? `import { soft as __soft } from ${JSON_OF(join(WITHIN, 'soft.ts'))}\n${softenAsserts(file, text)}`
        : text,
  })
  return {
    code,
    byAssertion: true,
    wrangler: {
      compatibility_flags: ['nodejs_compat', 'experimental'],
      durable_objects: { bindings: [{ name: 'ns', class_name: 'DurableObjectExample' }] },
      migrations: [{ tag: 'v1', new_sqlite_classes: ['DurableObjectExample'] }],
    },
  }
}

function flagsOf(flags: readonly string[]): string[] {
  // The second is a newer form of the first, and both together are refused.
  const newer = flags.includes('nodejs_compat_v2')
  return flags.filter((flag) => flag !== 'experimental' && !(newer && flag === 'nodejs_compat'))
}

function entryOf(dir: string, files: readonly string[], without = /^\b$/): string {
  return [
    ...files.map((file, index) => `import * as m${index} from ${JSON_OF(join(dir, file))}`),
    `import { createFetch } from ${JSON_OF(join(WITHIN, 'harness.ts'))}`,
    `import { testsOf } from ${JSON_OF(join(WITHIN, 'files-of-workerd.ts'))}`,
    // A hint to collect garbage, which the peers' own runs allow; a Worker has it nowhere.
    'globalThis.gc ??= () => {}',
    `const tests = testsOf({ ${files.map((file, index) => `'${file.replace(/-test\.js$/, '')}': m${index}`).join(', ')} }).filter(({ name }) => !${String(without)}.test(name))`,
    `export default { fetch: createFetch(tests, (...args) => m0.default.fetch(...args)) }`,
  ].join('\n')
}
