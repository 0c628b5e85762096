import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadMiniflare, OLDEST_WRANGLER } from '../../adapters/cloudflare/local/miniflare.ts'

let scratch: string
beforeAll(async () => {
  scratch = await realpath(await mkdtemp(join(tmpdir(), 'unmoor-miniflare-')))
})
afterAll(() => rm(scratch, { recursive: true, force: true, maxRetries: 3 }))

/**
 * Packages in `folder`/node_modules, each with a version; a `miniflare` is one that says where it was loaded
 * from.
 */
async function packages(folder: string, versions: Readonly<Record<string, string>>): Promise<string> {
  for (const [name, version] of Object.entries(versions)) {
    const dir = join(scratch, folder, 'node_modules', name)
    await mkdir(dir, { recursive: true })
    await writeFile(join(dir, 'package.json'), JSON.stringify({ name, version, main: 'index.js' }))
    await writeFile(join(dir, 'index.js'), 'exports.from = __filename')
  }
  return join(scratch, folder, '/')
}

describe('the Miniflare of wrangler', () => {
  it('is the one of this checkout, with its workerd, as the versions say', () => {
    const require = createRequire(createRequire(import.meta.url).resolve('wrangler/package.json'))
    const { miniflare, versions } = loadMiniflare()
    expect(miniflare).toBe(require('miniflare'))
    expect(versions.miniflare).toBe((require('miniflare/package.json') as { version: string }).version)
    expect(versions.workerd).toMatch(/^1\.\d{8}\.\d+$/)
  })

  it('is the one below wrangler where another one lies beside it (npm, nested)', async () => {
    const place = await packages('nested', {
      wrangler: '4.170.0',
      miniflare: '4.20260730.0',
      workerd: '1.20260730.1',
    })
    await packages('nested/node_modules/wrangler', { miniflare: '5.20261117.0-beta' })
    await packages('nested/node_modules/wrangler/node_modules/miniflare', { workerd: '1.20261117.1' })
    const { miniflare, versions } = loadMiniflare([place])
    expect(versions).toEqual({ wrangler: '4.170.0', miniflare: '5.20261117.0-beta', workerd: '1.20261117.1' })
    expect(miniflare).toEqual({
      from: join(scratch, 'nested/node_modules/wrangler/node_modules/miniflare/index.js'),
    })
  })

  it('is found from the second place where the first has no wrangler', async () => {
    const empty = await packages('empty', {})
    const place = await packages('hoisted', {
      wrangler: OLDEST_WRANGLER,
      miniflare: '5.20261006.2-beta',
      workerd: '1.20261006.1',
    })
    expect(loadMiniflare([empty, place]).versions.wrangler).toBe(OLDEST_WRANGLER)
  })

  it('no wrangler: the error says what to install', async () => {
    const place = await packages('none', { miniflare: '5.20261117.0-beta' })
    expect(() => loadMiniflare([place])).toThrow(
      expect.objectContaining({
        code: 'Unavailable',
        message: expect.stringContaining('npm install --save-dev wrangler@^4.150.0'),
      }),
    )
  })

  it.each([
    ['4.116.0', '4.20260730.0', 'needs wrangler 4.150.0 or later, with Miniflare 5'],
    ['4.149.9', '5.20261001.0-alpha', 'needs wrangler 4.150.0 or later'],
    ['3.114.17', '3.20250718.3', 'needs wrangler 4.150.0 or later'],
    ['6.0.0', '6.20270101.0', 'knows Miniflare 5 alone'],
  ])('wrangler %s with Miniflare %s: the error names both versions', async (wrangler, miniflare, message) => {
    const place = await packages(`old-${wrangler}`, { wrangler, miniflare, workerd: '1.0.0' })
    const named = `is wrangler ${wrangler}, with Miniflare ${miniflare}`
    expect(() => loadMiniflare([place])).toThrow(
      expect.objectContaining({ code: 'Unavailable', message: expect.stringContaining(named) }),
    )
    expect(() => loadMiniflare([place])).toThrow(message)
  })

  it('wrangler without its own dependencies: the error names what is missing', async () => {
    const place = await packages('broken', { wrangler: '4.170.0' })
    expect(() => loadMiniflare([place])).toThrow('is installed without its dependency miniflare')
  })

  it('the peer range of the package begins at the oldest wrangler that is accepted', () => {
    const { peerDependencies } = createRequire(import.meta.url)('../../package.json') as {
      peerDependencies: Record<string, string>
    }
    expect(peerDependencies['wrangler']).toBe(`^${OLDEST_WRANGLER}`)
  })
})
