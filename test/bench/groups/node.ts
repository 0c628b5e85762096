/** The Node target's HTTP layer against node:http by hand, @hono/node-server, and srvx with FastResponse. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import node from '../../../adapters/node/index.ts'
import { buildApp, type BuiltApp } from '../../../core/build/build.ts'
import type { Work } from '../apps/http/src/handlers.ts'
import type { BenchGroup, BenchResult } from '../bench.ts'
import { compareServers, type Contender, startScript } from '../contender.ts'
import { requestOf } from '../load.ts'

const WORKS: readonly Work[] = ['hello', 'json', 'echo1k', 'stream']
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const SILENT = { info() {}, warn() {} }

export const nodeGroup: BenchGroup = {
  name: 'node',
  ids: WORKS.map((work) => `node.${work}`),
  async run(options) {
    const built = await buildApp({ projectDir: here('../apps/http'), target: 'node', adapter: node })
    const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
    const results: BenchResult[] = []
    try {
      for (const work of WORKS) {
        if (!options.wants(`node.${work}`)) continue
        const contenders: Contender[] = []
        try {
          contenders.push(await startOurs(built, work, dataDir))
          contenders.push(await startScript('node:http', here('../servers/http.ts'), [work]))
          contenders.push(await startScript('@hono/node-server', here('../servers/hono.ts'), [work]))
          contenders.push(await startScript('srvx', here('../servers/srvx.ts'), [work]))
          results.push(await compareServers(`node.${work}`, contenders, requestOf(work), options))
        } finally {
          await Promise.all(contenders.map((contender) => contender.stop()))
        }
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true })
    }
    return results
  },
}

async function startOurs({ outDir, info }: BuiltApp, work: Work, dataDir: string): Promise<Contender> {
  const server = await node.start({ dir: outDir, info, dataDir, port: 0, variables: { BENCH_WORK: work }, log: SILENT })
  return { name: 'ours', url: server.url, pids: server.pids, stop: () => server.stop() }
}
