/** The built Worker in workerd against the same Worker written bare, and what unmoor adds to its size. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { WORKER_FILE } from '../../../adapters/cloudflare/build/wrangler.ts'
import { type BenchGroup, type BenchOptions, type BenchResult, oneEach, round, runWanted } from '../bench.ts'
import { bundleBare } from '../bundle-bare.ts'
import { compareServers, type Contender, startScript } from '../contender.ts'
import { ours, type Subject, subjectsOf } from '../subject.ts'

/** Bytes of gzip that unmoor may add to an app with one kv binding. */
const SIZE_LIMIT = 8 * 1024
const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

export const cloudflareGroup: BenchGroup = {
  name: 'cloudflare',
  ids: ['cloudflare.hello', 'cloudflare.size'],
  async run(options) {
    const scratch = await mkdtemp(join(tmpdir(), 'unmoor-bench-'))
    try {
      return await runWanted(options, [
        ['cloudflare.hello', () => hello(scratch, options)],
        ['cloudflare.size', () => size(scratch, options)],
      ])
    } finally {
      await rm(scratch, { recursive: true, force: true })
    }
  },
}

/** Both sides run in this checkout's workerd, through the same script, so that only the bundles differ. */
async function hello(scratch: string, options: BenchOptions): Promise<BenchResult> {
  const contenders: Contender[] = []
  const start = async (name: string, file: string, { date, flags }: Compatibility): Promise<void> => {
    contenders.push(await startScript(name, here('../servers/workerd.ts'), [file, date, ...flags]))
  }
  try {
    for (const subject of subjectsOf(options)) {
      const { outDir } = await subject.build({
        projectDir: subject.file('apps/worker'),
        target: 'cloudflare',
      })
      await start(subject.name, join(outDir, WORKER_FILE), await compatibility(outDir))
      if (options.base !== undefined) continue
      const bare = join(scratch, 'bare.mjs')
      await bundleBare(here('../apps/worker/src/bare.ts'), bare)
      await start('bare worker', bare, await compatibility(outDir))
    }
    return await compareServers('cloudflare.hello', contenders, { method: 'GET', path: '/' }, options)
  } finally {
    await Promise.all(contenders.map((contender) => contender.stop()))
  }
}

const gzipped = async (file: string): Promise<number> =>
  gzipSync(await readFile(file), { level: 9 }).byteLength

async function size(scratch: string, options: BenchOptions): Promise<BenchResult> {
  const bare = join(scratch, 'bare-kv.mjs')
  await bundleBare(here('../apps/kv/src/bare.ts'), bare)
  const app = await gzipped(bare)
  const added = async (subject: Subject): Promise<number> => {
    const { outDir } = await subject.build({ projectDir: subject.file('apps/kv'), target: 'cloudflare' })
    return (await gzipped(join(outDir, WORKER_FILE))) - app
  }
  if (options.base !== undefined) return oneEach('cloudflare.size', 'bytes', options, added)
  const bytes = await added(ours)
  return {
    id: 'cloudflare.size',
    unit: 'bytes',
    ours: bytes,
    against: { limit: SIZE_LIMIT },
    ratio: { limit: round(SIZE_LIMIT / bytes) },
    spread: { ours: 0 },
    note: `gzip: ${bytes + app} with unmoor, ${app} bare`,
  }
}

interface Compatibility {
  date: string
  flags: string[]
}

/** What the built Worker asks for. */
async function compatibility(outDir: string): Promise<Compatibility> {
  const text = await readFile(join(outDir, 'wrangler.jsonc'), 'utf8')
  const date = /"compatibility_date":\s*"([^"]+)"/.exec(text)?.[1]
  if (date === undefined) throw new Error(`wrangler.jsonc has no compatibility_date:\n${text}`)
  return {
    date,
    flags: [...(/"compatibility_flags":\s*\[([^\]]*)\]/.exec(text)?.[1]?.matchAll(/"([^"]+)"/g) ?? [])].map(
      (match) => match[1] as string,
    ),
  }
}
