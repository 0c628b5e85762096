/** Many tenants in one host: what one takes, how many fit, and what they feel of each other. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BenchGroup, type BenchOptions, type BenchResult, round, runWanted } from '../bench.ts'
import { bundleBare } from '../bundle-bare.ts'
import { density } from '../isolate-density.ts'
import { memory } from '../isolate-memory.ts'
import { noisy } from '../isolate-noisy.ts'
import { type Subject, subjectsOf } from '../subject.ts'

const COMPATIBILITY_DATE = '2026-07-01'
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const isolateTenantsGroup: BenchGroup = {
  name: 'isolate.tenants',
  ids: ['isolate.memory', 'isolate.density', 'isolate.noisy'],
  async run(options) {
    const scratch = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
    try {
      const bare = join(scratch, 'hello.mjs')
      await bundleBare(here('../apps/isolate/hello/src/bare.ts'), bare)
      return await runWanted(options, [
        [
          'isolate.memory',
          async () => memory(await artifacts('hello', options), bare, COMPATIBILITY_DATE, options),
        ],
        [
          'isolate.density',
          async () =>
            each(await artifacts('hello', options), (subject, artifact) =>
              density(subject, artifact, options),
            ),
        ],
        [
          'isolate.noisy',
          async () => {
            const hostile = await artifacts('hostile', options)
            return each(await artifacts('hello', options), (subject, artifact) =>
              noisy(subject, artifact, hostile.get(subject) as string, options),
            )
          },
        ],
      ])
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  },
}

async function artifacts(app: string, options: BenchOptions): Promise<Map<Subject, string>> {
  const found = new Map<Subject, string>()
  for (const subject of subjectsOf(options)) {
    const { outDir } = await subject.build({
      projectDir: subject.file(`apps/isolate/${app}`),
      target: 'isolate',
    })
    found.set(subject, outDir)
  }
  return found
}

/**
 * The whole measurement of each, as it takes minutes and has rounds of its own; what it is compared with
 * otherwise goes into the note.
 */
async function each(
  all: ReadonlyMap<Subject, string>,
  measure: (subject: Subject, artifact: string) => Promise<BenchResult>,
): Promise<BenchResult> {
  const results: (readonly [Subject, BenchResult])[] = []
  for (const [subject, artifact] of all) results.push([subject, await measure(subject, artifact)])
  const [[, first], ...others] = results as [(typeof results)[number], ...typeof results]
  if (others.length === 0) return first
  return {
    ...first,
    against: Object.fromEntries(others.map(([{ name }, result]) => [name, result.ours])),
    ratio: Object.fromEntries(others.map(([{ name }, result]) => [name, round(result.ours / first.ours)])),
    note: results.map(([{ name }, { note }]) => `${name}: ${note ?? ''}`).join(' | '),
  }
}
