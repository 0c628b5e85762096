/**
 * State of an earlier version is read by this one. `cloudflare-state-app/miniflare-4-state.json` holds the
 * files (path to gzip in base64) that unmoor 0.1.0 at commit ce881b5 with miniflare 4.20260730.0 and workerd
 * 1.20260730.1 left in a data folder after the two apps below had each answered `/?write=NAME`. Only the
 * SQLite files were vacuumed.
 */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import cloudflare from '../../adapters/cloudflare/index.ts'
import { buildApp } from '../../core/tools/build/build.ts'

const PROJECT = join(import.meta.dirname, 'cloudflare-state-app')
/**
 * Two apps in one data folder: their kv have ids of their own, one with characters that no file name can
 * have; without ids, databases of one name are one.
 */
const APPS = [
  { name: 'first', options: { kv: { links: { id: 'odd id/\u00e9: 1' } } } },
  { name: 'second', options: {} },
] as const
const ROWS = [{ text: 'first' }, { text: 'second' }]

describe('state that Miniflare 4 wrote', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unmoor-state-'))
    const files = JSON.parse(await readFile(join(PROJECT, 'miniflare-4-state.json'), 'utf8')) as Record<
      string,
      string
    >
    for (const [path, content] of Object.entries(files)) {
      const file = join(folder, 'data', path)
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, gunzipSync(Buffer.from(content, 'base64')))
    }
  })
  afterAll(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))

  it.each(APPS)(
    'kv, strong kv, blobs, rows and applied migrations of the app "$name" are still there, and can be replaced',
    async ({ name, options }) => {
      const config = { name, entry: './app.ts', targets: { cloudflare: { options } } }
      const { info, outDir } = await buildApp({
        projectDir: PROJECT,
        target: 'cloudflare',
        adapter: cloudflare,
        outDir: join(folder, 'out', name),
        config,
      })
      const applied: string[] = []
      const log = { info: (line: string) => void applied.push(line), warn() {} }
      const running = await cloudflare.start({
        dir: outDir,
        info,
        dataDir: join(folder, 'data'),
        port: 0,
        variables: {},
        log,
      })
      try {
        const ask = async (query: string): Promise<unknown> => (await fetch(`${running.url}/${query}`)).json()
        const kept = (value: string): object => ({
          kv: { value, metadata: { by: value } },
          strong: value,
          blob: { text: value, by: value },
        })
        expect(applied).toEqual([])
        expect(await ask('')).toMatchObject({ ...kept(name), sql: expect.arrayContaining(ROWS) })
        expect(await ask('?write=new')).toMatchObject({
          ...kept('new'),
          sql: expect.arrayContaining([...ROWS, { text: 'new' }]),
        })
      } finally {
        await running.stop()
      }
    },
  )
})
