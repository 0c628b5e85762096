/** Many tenants in one host: what one takes, how many fit, and what they feel of each other. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import isolate from '../../../adapters/isolate/index.ts'
import { buildApp } from '../../../core/build/build.ts'
import { type BenchGroup, runWanted } from '../bench.ts'
import { bundleBare } from '../bundle-bare.ts'
import { density } from '../isolate-density.ts'
import { memory } from '../isolate-memory.ts'
import { noisy } from '../isolate-noisy.ts'

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
      const { outDir } = await buildApp({ projectDir: here('../apps/isolate/hello'), target: 'isolate', adapter: isolate })
      const { outDir: hostile } = await buildApp({ projectDir: here('../apps/isolate/hostile'), target: 'isolate', adapter: isolate })
      return await runWanted(options, [
        ['isolate.memory', () => memory(outDir, bare, COMPATIBILITY_DATE, options)],
        ['isolate.density', () => density(outDir, options)],
        ['isolate.noisy', () => noisy(outDir, hostile, options)],
      ])
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  },
}
