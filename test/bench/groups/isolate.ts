/** `unmoor host` against workerd running the same Worker, and node:http by hand. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import isolate from '../../../adapters/isolate/index.ts'
import { buildApp } from '../../../core/build/build.ts'
import { type BenchGroup, type BenchOptions, type BenchResult, type Measurement, runWanted } from '../bench.ts'
import { bundleBare } from '../bundle-bare.ts'
import { compareServers, type Contender, startScript } from '../contender.ts'
import { sameApps, startHost } from '../host-server.ts'
import { requestOf } from '../load.ts'
import { cold, pooled } from '../isolate-start.ts'

const WORKS = ['hello', 'json', 'echo1k'] as const
/** Apps that take the load in turn. */
const TENANTS = 10
const COMPATIBILITY_DATE = '2026-07-01'
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const isolateGroup: BenchGroup = {
  name: 'isolate',
  ids: [...WORKS.map((work) => `isolate.${work}`), 'isolate.start.pooled', 'isolate.start.cold'],
  async run(options) {
    const scratch = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
    const start = async (measure: typeof pooled): Promise<BenchResult> => {
      const { outDir } = await buildApp({ projectDir: here('../apps/isolate/hello'), target: 'isolate', adapter: isolate })
      const bare = join(scratch, 'hello.mjs')
      await bundleBare(here('../apps/isolate/hello/src/bare.ts'), bare)
      return measure({ artifact: outDir, bare, compatibilityDate: COMPATIBILITY_DATE }, options)
    }
    try {
      return await runWanted(options, [
        ...WORKS.map((work): Measurement => [`isolate.${work}`, () => warm(work, scratch, options)]),
        ['isolate.start.pooled', () => start(pooled)],
        ['isolate.start.cold', () => start(cold)],
      ])
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  },
}

async function warm(work: (typeof WORKS)[number], scratch: string, options: BenchOptions): Promise<BenchResult> {
  const { outDir } = await buildApp({ projectDir: here(`../apps/isolate/${work}`), target: 'isolate', adapter: isolate })
  const bare = join(scratch, `${work}.mjs`)
  await bundleBare(here(`../apps/isolate/${work}/src/bare.ts`), bare)
  const apps = sameApps('tenant', TENANTS, outDir)
  const hosts = Object.keys(apps).map((name) => `${name}.localhost`)
  const contenders: Contender[] = []
  try {
    contenders.push(await startHost('ours', { apps }))
    contenders.push(await startHost('ours, 1 process', { apps, processes: 1 }))
    contenders.push(await startScript('workerd', here('../servers/workerd.ts'), [bare, COMPATIBILITY_DATE]))
    contenders.push(await startScript('node:http', here('../servers/http.ts'), [work]))
    const result = await compareServers(`isolate.${work}`, contenders, { ...requestOf(work), hosts }, options)
    return { ...result, note: `${TENANTS} tenants; one process: ${ratios(result)}` }
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()))
  }
}

/** The peers' figures over those of our one process. */
function ratios({ against }: BenchResult): string {
  const own = against['ours, 1 process'] as number
  return ['workerd', 'node:http'].map((name) => `${((against[name] as number) / own).toFixed(2)} of ${name}`).join(', ')
}
