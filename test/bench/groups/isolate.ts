/** `unmoor host` against workerd running the same Worker, and node:http by hand. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  type BenchGroup,
  type BenchOptions,
  type BenchResult,
  type Measurement,
  runWanted,
} from '../bench.ts'
import { bundleBare } from '../bundle-bare.ts'
import { compareServers, type Contender, startScript } from '../contender.ts'
import { sameApps, startHost } from '../host-server.ts'
import { requestOf } from '../load.ts'
import { cold, pooled } from '../isolate-start.ts'
import { ours, type Subject, subjectsOf } from '../subject.ts'

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
      const bare = join(scratch, 'hello.mjs')
      await bundleBare(here('../apps/isolate/hello/src/bare.ts'), bare)
      const artifacts = new Map<Subject, string>()
      for (const subject of subjectsOf(options)) artifacts.set(subject, await artifact(subject, 'hello'))
      return measure({ artifacts, bare, compatibilityDate: COMPATIBILITY_DATE }, options)
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

async function artifact(subject: Subject, work: string): Promise<string> {
  const { outDir } = await subject.build({
    projectDir: subject.file(`apps/isolate/${work}`),
    target: 'isolate',
  })
  return outDir
}

async function warm(
  work: (typeof WORKS)[number],
  scratch: string,
  options: BenchOptions,
): Promise<BenchResult> {
  const contenders: Contender[] = []
  const appsOf = async (subject: Subject): Promise<ReturnType<typeof sameApps>> =>
    sameApps('tenant', TENANTS, await artifact(subject, work))
  const hosts = Object.keys(sameApps('tenant', TENANTS, '')).map((name) => `${name}.localhost`)
  try {
    for (const subject of subjectsOf(options))
      contenders.push(await startHost(subject, { apps: await appsOf(subject) }))
    if (options.base !== undefined)
      return await compareServers(`isolate.${work}`, contenders, { ...requestOf(work), hosts }, options)
    const bare = join(scratch, `${work}.mjs`)
    await bundleBare(here(`../apps/isolate/${work}/src/bare.ts`), bare)
    contenders.push(
      await startHost({ ...ours, name: 'ours, 1 process' }, { apps: await appsOf(ours), processes: 1 }),
    )
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
  return ['workerd', 'node:http']
    .map((name) => `${((against[name] as number) / own).toFixed(2)} of ${name}`)
    .join(', ')
}
