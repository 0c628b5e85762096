/** The built Worker in workerd against the same Worker written bare, and what unmoor adds to its size. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import cloudflare from '../../../adapters/cloudflare/index.ts'
import { WORKER_FILE } from '../../../adapters/cloudflare/wrangler.ts'
import { buildApp } from '../../../core/build/build.ts'
import { type BenchGroup, type BenchOptions, type BenchResult, round, runWanted } from '../bench.ts'
import { bundleBare } from '../bundle-bare.ts'
import { compareServers, type Contender, startScript } from '../contender.ts'

/** Bytes of gzip that unmoor may add to an app with one kv binding. */
const SIZE_LIMIT = 6 * 1024
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const cloudflareGroup: BenchGroup = {
  name: 'cloudflare',
  ids: ['cloudflare.hello', 'cloudflare.size'],
  async run(options) {
    const scratch = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
    try {
      return await runWanted(options, [
        ['cloudflare.hello', () => hello(scratch, options)],
        ['cloudflare.size', () => size(scratch)],
      ])
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  },
}

async function hello(scratch: string, options: BenchOptions): Promise<BenchResult> {
  const { outDir } = await buildApp({ projectDir: here('../apps/worker'), target: 'cloudflare', adapter: cloudflare })
  const bare = join(scratch, 'bare.mjs')
  await bundleBare(here('../apps/worker/src/bare.ts'), bare)
  const { date, flags } = await compatibility(outDir)
  const contenders: Contender[] = []
  try {
    contenders.push(await startScript('ours', here('../servers/workerd.ts'), [join(outDir, WORKER_FILE), date, ...flags]))
    contenders.push(await startScript('bare worker', here('../servers/workerd.ts'), [bare, date, ...flags]))
    return await compareServers('cloudflare.hello', contenders, { method: 'GET', path: '/' }, options)
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()))
  }
}

async function size(scratch: string): Promise<BenchResult> {
  const { outDir } = await buildApp({ projectDir: here('../apps/kv'), target: 'cloudflare', adapter: cloudflare })
  const bare = join(scratch, 'bare-kv.mjs')
  await bundleBare(here('../apps/kv/src/bare.ts'), bare)
  const gzipped = async (file: string): Promise<number> => gzipSync(await readFile(file), { level: 9 }).byteLength
  const [whole, app] = [await gzipped(join(outDir, WORKER_FILE)), await gzipped(bare)]
  const added = whole - app
  return {
    id: 'cloudflare.size',
    unit: 'bytes',
    ours: added,
    against: { limit: SIZE_LIMIT },
    ratio: { limit: round(SIZE_LIMIT / added) },
    spread: { ours: 0 },
    note: `gzip: ${whole} with unmoor, ${app} bare`,
  }
}

/** What the built Worker asks for. */
async function compatibility(outDir: string): Promise<{ date: string; flags: string[] }> {
  const text = await readFile(join(outDir, 'wrangler.jsonc'), 'utf8')
  const date = /"compatibility_date":\s*"([^"]+)"/.exec(text)?.[1]
  if (date === undefined) throw new Error(`wrangler.jsonc has no compatibility_date:\n${text}`)
  return { date, flags: [...(/"compatibility_flags":\s*\[([^\]]*)\]/.exec(text)?.[1]?.matchAll(/"([^"]+)"/g) ?? [])].map((match) => match[1] as string) }
}
