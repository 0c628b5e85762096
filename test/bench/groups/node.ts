/** The Node target's HTTP layer against node:http by hand, @hono/node-server, and srvx with FastResponse. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BuiltApp } from '../../../core/tools/build/build.ts'
import type { Work } from '../apps/http/src/handlers.ts'
import {
  type BenchGroup,
  type BenchOptions,
  type BenchResult,
  type Measurement,
  runWanted,
} from '../bench.ts'
import { compareServers, type Contender, startScript } from '../contender.ts'
import { requestOf } from '../load.ts'
import { type Subject, subjectsOf } from '../subject.ts'

const WORKS: readonly Work[] = ['hello', 'json', 'echo1k', 'stream']
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const SILENT = { info() {}, warn() {} }

export const nodeGroup: BenchGroup = {
  name: 'node',
  ids: WORKS.map((work) => `node.${work}`),
  async run(options) {
    const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
    try {
      return await runWanted(
        options,
        WORKS.map((work): Measurement => [`node.${work}`, () => compare(work, dataDir, options)]),
      )
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
  },
}

async function compare(work: Work, dataDir: string, options: BenchOptions): Promise<BenchResult> {
  const contenders: Contender[] = []
  try {
    for (const subject of subjectsOf(options)) {
      const built = await subject.build({ projectDir: subject.file('apps/http'), target: 'node' })
      contenders.push(await startApp(subject, built, work, dataDir))
    }
    if (options.base === undefined) {
      contenders.push(await startScript('node:http', here('../servers/http.ts'), [work]))
      contenders.push(await startScript('@hono/node-server', here('../servers/hono.ts'), [work]))
      contenders.push(await startScript('srvx', here('../servers/srvx.ts'), [work]))
    }
    return await compareServers(`node.${work}`, contenders, requestOf(work), options)
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()))
  }
}

async function startApp(
  { name }: Subject,
  { adapter, outDir, info }: BuiltApp,
  work: Work,
  dataDir: string,
): Promise<Contender> {
  const server = await adapter.start({
    dir: outDir,
    info,
    dataDir,
    port: 0,
    variables: { BENCH_WORK: work },
    log: SILENT,
  })
  return { name, url: server.url, pids: server.pids, stop: () => server.stop() }
}
