import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { assets } from '../../adapters/drivers/files/index.ts'
import { assets as declareAssets } from '../../core/bindings/declarations.ts'
import { createAssets } from '../../core/bindings/assets.ts'
import type { AssetsDriver } from '../../core/bindings/drivers.ts'
import { driverContext, failure, pattern } from './contracts/harness.ts'

const FILES: Record<string, string | Uint8Array> = {
  'index.html': '<h1>home</h1>',
  'about.html': 'about',
  'docs/index.html': 'docs',
  'docs/guide.html': 'guide',
  'both.html': 'both page',
  'both/index.html': 'both folder',
  'plain/index': 'a file named index',
  'app.js': 'export {}',
  'style.css': 'a{}',
  'data.json': '{}',
  'with space.txt': 'space',
  'gr\u00fc\u00df.txt': 'unicode',
  'at@sign.txt': 'at',
  '100%.txt': 'percent',
  'empty.txt': '',
  'unknown.xyz': '?',
  '.well-known/security.txt': 'mail',
  'large.bin': pattern(1_000_000),
}

describe('files driver', () => {
  let root: string
  let folder: string
  let driver: AssetsDriver
  const open = (
    notFound: 'none' | 'single-page-application' = 'none',
  ): AssetsDriver | Promise<AssetsDriver> =>
    assets(
      { directory: folder },
      driverContext({ binding: 'site', declaration: declareAssets({ directory: './public', notFound }) }),
    )
  const serve = (path: string, init?: RequestInit): Promise<Response | undefined> =>
    driver.serve(new Request(`http://host${path}`, init))
  const get = async (path: string, init?: RequestInit): Promise<Response> =>
    (await serve(path, init)) ?? expect.fail(`${path} has no file`)

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'unmoor-assets-'))
    folder = join(root, 'public')
    for (const [name, content] of Object.entries(FILES)) {
      await mkdir(join(folder, name, '..'), { recursive: true })
      await writeFile(join(folder, name), content)
    }
    await writeFile(join(root, 'secret.txt'), 'secret')
    await symlink(join(root, 'secret.txt'), join(folder, 'escape.txt'))
    await symlink(join(folder, 'app.js'), join(folder, 'link.js'))
    driver = await open()
  })
  afterAll(() => rm(root, { recursive: true, force: true }))

  it.each([
    ['/', 'index.html'],
    ['/about', 'about.html'],
    ['/docs/', 'docs/index.html'],
    ['/docs/guide', 'docs/guide.html'],
    ['/both', 'both.html'],
    ['/both/', 'both/index.html'],
    ['/plain/index', 'plain/index'],
    ['/app.js', 'app.js'],
    ['/link.js', 'app.js'],
    ['/with%20space.txt', 'with space.txt'],
    ['/gr%C3%BC%C3%9F.txt', 'gr\u00fc\u00df.txt'],
    ['/at%40sign.txt', 'at@sign.txt'],
    ['/100%25.txt', '100%.txt'],
    ['/empty.txt', 'empty.txt'],
    ['/.well-known/security.txt', '.well-known/security.txt'],
    ['/app.js?v=1', 'app.js'],
  ])('%s is %s', async (path, name) => {
    const response = await get(path)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe(FILES[name])
    expect(response.headers.get('cache-control')).toBe('public, max-age=0, must-revalidate')
    expect(response.headers.get('etag')).toMatch(/^"[0-9a-f]+"$/)
  })

  it.each([
    ['/index.html', '/'],
    ['/index', '/'],
    ['/about.html', '/about'],
    ['/about/', '/about'],
    ['/about.html?a=1&b=%20', '/about?a=1&b=%20'],
    ['/docs', '/docs/'],
    ['/docs/index.html', '/docs/'],
    ['/docs/index', '/docs/'],
    ['/docs.html', '/docs/'],
    ['/docs/guide.html', '/docs/guide'],
    ['/docs/guide/', '/docs/guide'],
    ['/both.html', '/both'],
    ['/both/index.html', '/both/'],
    ['//app.js', '/app.js'],
    ['/docs%2Fguide', '/docs/guide'],
    ['/at@sign.txt', '/at%40sign.txt'],
    ['/%61pp.js', '/app.js'],
  ])('%s is sent to %s', async (path, location) => {
    const response = await get(path)
    expect([response.status, response.headers.get('location')]).toEqual([307, location])
    // And no further.
    expect((await get(location)).status).toBe(200)
  })

  it.each([
    '/nothing',
    '/nothing/',
    '/app',
    '/docs/nothing.html',
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/..%2Fsecret.txt',
    '/..%5Csecret.txt',
    '/%2e%2e%2fsecret.txt',
    '/docs/..%2F..%2Fsecret.txt',
    '/app.js%00',
    '/app.js%00.txt',
    '/%zz',
    '/escape.txt',
    '/App.js',
    '/app.js/',
  ])('%s is no file', async (path) => {
    expect(await serve(path)).toBeUndefined()
    expect((await createAssets(driver).fetch(`http://host${path}`)).status).toBe(404)
  })

  it('paths that no URL parser has cleaned stay in the folder', async () => {
    // As a raw request line could carry them.
    for (const url of [
      'http://host/%2e%2e%2f%2e%2e%2fetc/passwd',
      'http://host/....//secret.txt',
      'http://host//host/secret.txt',
    ])
      expect(await driver.serve(new Request(url))).toBeUndefined()
  })

  it.each([
    ['/', 'text/html; charset=utf-8'],
    ['/app.js', 'text/javascript; charset=utf-8'],
    ['/style.css', 'text/css; charset=utf-8'],
    ['/data.json', 'application/json'],
    ['/unknown.xyz', 'application/octet-stream'],
  ])('the type of %s is %s', async (path, type) => {
    expect((await get(path)).headers.get('content-type')).toBe(type)
  })

  it('HEAD has the headers and no body; other methods are 405 on a file, and nothing elsewhere', async () => {
    const response = await get('/large.bin', { method: 'HEAD' })
    expect(response.status).toBe(200)
    expect(response.headers.get('content-length')).toBe('1000000')
    expect(response.body).toBeNull()
    expect((await get('/app.js', { method: 'POST' })).status).toBe(405)
    expect(await serve('/nothing', { method: 'POST' })).toBeUndefined()
  })

  it('If-None-Match with the present etag is answered with 304', async () => {
    const etag = (await get('/app.js')).headers.get('etag') ?? ''
    for (const value of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const response = await get('/app.js', { headers: { 'if-none-match': value } })
      expect([value, response.status, await response.text(), response.headers.get('etag')]).toEqual([
        value,
        304,
        '',
        etag,
      ])
    }
    expect((await get('/app.js', { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
  })

  it.each([
    ['bytes=0-9', 206, 0, 10],
    ['bytes=999990-', 206, 999_990, 10],
    ['bytes=-5', 206, 999_995, 5],
    ['bytes=10-2000000', 206, 10, 999_990],
    ['bytes=0-0', 206, 0, 1],
    ['bytes=0-9,20-29', 200, 0, 1_000_000],
    ['bytes=9-0', 200, 0, 1_000_000],
    ['chunks=0-9', 200, 0, 1_000_000],
  ])('Range: %s', async (range, status, offset, length) => {
    const response = await get('/large.bin', { headers: { range } })
    expect(response.status).toBe(status)
    expect(response.headers.get('content-length')).toBe(String(length))
    if (status === 206)
      expect(response.headers.get('content-range')).toBe(`bytes ${offset}-${offset + length - 1}/1000000`)
    expect(
      Buffer.compare(
        new Uint8Array(await response.arrayBuffer()),
        (FILES['large.bin'] as Uint8Array).slice(offset, offset + length),
      ),
    ).toBe(0)
  })

  it('a range that holds nothing is 416; If-Range of another version is the whole file', async () => {
    const response = await get('/large.bin', { headers: { range: 'bytes=1000000-' } })
    expect([response.status, response.headers.get('content-range')]).toEqual([416, 'bytes */1000000'])
    const etag = response.headers.get('etag') ?? ''
    expect((await get('/large.bin', { headers: { range: 'bytes=0-9', 'if-range': etag } })).status).toBe(206)
    expect((await get('/large.bin', { headers: { range: 'bytes=0-9', 'if-range': '"other"' } })).status).toBe(
      200,
    )
  })

  it('a file that changes has a new etag; one that is removed is gone', async () => {
    await writeFile(join(folder, 'changing.txt'), 'one')
    const fresh = await open()
    const read = async (): Promise<[string | null, string] | undefined> => {
      const response = await fresh.serve(new Request('http://host/changing.txt'))
      return response === undefined ? undefined : [response.headers.get('etag'), await response.text()]
    }
    const first = await read()
    expect(await read()).toEqual(first)
    await writeFile(join(folder, 'changing.txt'), 'two!')
    const second = await read()
    expect(second?.[1]).toBe('two!')
    expect(second?.[0]).not.toBe(first?.[0])
    await rm(join(folder, 'changing.txt'))
    expect(await read()).toBeUndefined()
  })

  it('a single-page application: pages that a browser opens, and all of env.assets, fall back to /index.html', async () => {
    const page = await open('single-page-application')
    const request = new Request('http://host/deep/link', { headers: { 'sec-fetch-mode': 'navigate' } })
    expect(request.headers.get('sec-fetch-mode')).toBe('navigate')
    expect(await (await page.serve(request))?.text()).toBe('<h1>home</h1>')
    expect(await page.serve(new Request('http://host/api/items'))).toBeUndefined()
    const response = await createAssets(page).fetch('http://host/deep/link')
    expect([response.status, await response.text()]).toEqual([200, '<h1>home</h1>'])
    expect(await (await createAssets(page).fetch('/app.js')).text()).toBe('export {}')
  })

  it('a missing folder is named at start', async () => {
    const error = await failure(
      Promise.resolve(
        assets(
          { directory: join(root, 'nowhere') },
          driverContext({ declaration: declareAssets({ directory: './x' }) }),
        ),
      ),
      'NotFound',
    )
    expect(error.message).toContain(join(root, 'nowhere'))
  })

  it('100 requests at once', async () => {
    const bodies = await Promise.all(
      Array.from({ length: 100 }, async (_, index) =>
        (await get(index % 2 === 0 ? '/app.js' : '/large.bin')).arrayBuffer(),
      ),
    )
    bodies.forEach((body, index) => expect(body.byteLength).toBe(index % 2 === 0 ? 9 : 1_000_000))
  })
})
