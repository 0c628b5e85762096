import type { BlobDriver } from '../../../bindings/drivers.ts'
import type { DefineCase } from './driver-case.ts'
import { expect } from './expect.ts'
import { byteOrder, failure } from './harness.ts'

/** Parts of the harness of {@link blobCases} that the cases about lists of blobs use. */
export interface BlobTools {
  /** The blob driver that the running case tests. */
  readonly blobs: BlobDriver
  readonly put: (key: string, body: string) => Promise<unknown>
}

/** Defines the cases about lists of a blob driver. */
export function defineListCases(it: DefineCase, tools: BlobTools): void {
  defineOrderCases(it, tools)
  definePageCases(it, tools)
}

/** Defines the cases about the keys and prefixes of a list of blobs, and their order. */
function defineOrderCases(it: DefineCase, tools: BlobTools): void {
  const { put } = tools
  it('blob-d20 lists in UTF-8 byte order, with literal prefixes', async () => {
    const keys = ['a', 'a/b', 'a/c', 'b', '\u{1f600}', '\uff61', 'a%', 'a_', '\u{10ffff}', '\u{10ffff}a']
    for (const key of keys) await put(key, 'v')
    for (const prefix of ['', 'a', 'a/', 'a%', 'a_', '\u{10ffff}', 'zzz']) {
      expect((await listAll(tools.blobs, { prefix, limit: 3 })).keys, JSON.stringify(prefix)).toEqual(
        byteOrder(keys.filter((key) => key.startsWith(prefix))),
      )
    }
  })

  for (const limit of [1, 2, 3, 1000]) {
    it(`blob-d21/${limit} groups by a delimiter, pages of ${limit}`, async () => {
      const keys = [
        'a',
        'a/1',
        'a/2',
        'a/2/x',
        'b/1',
        'b/2',
        'c',
        'd//e',
        'photos/2024/1',
        'photos/2024/2',
        'photos/2025/1',
        'photos/index',
      ]
      for (const key of keys) await put(key, 'v')
      expect(await listAll(tools.blobs, { delimiter: '/', limit })).toEqual({
        keys: ['a', 'c'],
        prefixes: ['a/', 'b/', 'd/', 'photos/'],
      })
      expect(await listAll(tools.blobs, { prefix: 'photos/', delimiter: '/', limit })).toEqual({
        keys: ['photos/index'],
        prefixes: ['photos/2024/', 'photos/2025/'],
      })
      expect(await listAll(tools.blobs, { prefix: 'photos/2', delimiter: '/', limit })).toEqual({
        keys: [],
        prefixes: ['photos/2024/', 'photos/2025/'],
      })
      expect(await listAll(tools.blobs, { prefix: 'd/', delimiter: '/', limit })).toEqual({
        keys: [],
        prefixes: ['d//'],
      })
    })
  }

  it('blob-d22 startAfter is exclusive', async () => {
    for (const key of ['a', 'b', 'b1', 'c', '\u{1f600}', '\uff61']) await put(key, 'v')
    expect((await listAll(tools.blobs, { startAfter: 'b', limit: 2 })).keys).toEqual([
      'b1',
      'c',
      '\uff61',
      '\u{1f600}',
    ])
    expect((await listAll(tools.blobs, { startAfter: 'aa', limit: 2 })).keys).toEqual([
      'b',
      'b1',
      'c',
      '\uff61',
      '\u{1f600}',
    ])
    expect((await listAll(tools.blobs, { prefix: 'b', startAfter: 'a', limit: 2 })).keys).toEqual(['b', 'b1'])
    expect((await listAll(tools.blobs, { startAfter: '\uff61', limit: 2 })).keys).toEqual(['\u{1f600}'])
    expect((await listAll(tools.blobs, { prefix: 'a', startAfter: 'z', limit: 2 })).keys).toEqual([])
  })
}

/** Defines the cases about pages of a list of blobs and their cursors. */
function definePageCases(it: DefineCase, tools: BlobTools): void {
  const { put } = tools
  it('blob-d23 pages under puts and deletes: every untouched key once', async () => {
    for (let index = 0; index < 10; index++) await put(`k${index}`, 'v')
    const first = await tools.blobs.list({ prefix: 'k', limit: 4 })
    await tools.blobs.delete(['k3', 'k7'])
    await put('k00', 'v')
    await put('k35', 'v')
    const second = await tools.blobs.list({ prefix: 'k', cursor: first.cursor, limit: 100 })
    expect(second.blobs.map((blob) => blob.key)).toEqual(['k35', 'k4', 'k5', 'k6', 'k8', 'k9'])
    expect(second.cursor).toBeUndefined()
  })

  it('blob-d24 a page of 1,000 and its rest; 1,000 deletes', { timeout: 120_000 }, async () => {
    const keys = Array.from({ length: 1001 }, (_, index) => `k${String(index).padStart(5, '0')}`)
    for (let start = 0; start < keys.length; start += 50)
      await Promise.all(keys.slice(start, start + 50).map((key) => put(key, 'v')))
    const first = await tools.blobs.list({ prefix: '', limit: 1000 })
    expect(first.blobs.length).toBe(1000)
    const second = await tools.blobs.list({ prefix: '', cursor: first.cursor, limit: 1000 })
    expect(second.blobs.map((blob) => blob.key)).toEqual(['k01000'])
    expect(second.cursor).toBeUndefined()
    await tools.blobs.delete(keys.slice(0, 1000))
    expect((await tools.blobs.list({ prefix: '', limit: 1000 })).blobs.map((blob) => blob.key)).toEqual([
      'k01000',
    ])
  })

  it('blob-d25 a cursor that this driver did not make is refused', async () => {
    for (const bad of ['garbage', 'a', '==='])
      await failure(tools.blobs.list({ prefix: '', cursor: bad, limit: 1 }), 'InvalidArgument')
  })
}

/** Returns every page of a list of blobs, following the cursors. */
export async function listAll(
  blobs: BlobDriver,
  options: { prefix?: string; delimiter?: string; startAfter?: string; limit: number },
): Promise<{ keys: string[]; prefixes: string[] }> {
  const all = { keys: [] as string[], prefixes: [] as string[] }
  let cursor: string | undefined
  do {
    const page = await blobs.list({
      prefix: '',
      ...options,
      ...(cursor === undefined ? {} : { cursor, startAfter: undefined }),
    })
    expect(page.blobs.length + page.prefixes.length).toBeLessThanOrEqual(options.limit)
    all.keys.push(...page.blobs.map((blob) => blob.key))
    all.prefixes.push(...page.prefixes)
    cursor = page.cursor
  } while (cursor !== undefined)
  return all
}
