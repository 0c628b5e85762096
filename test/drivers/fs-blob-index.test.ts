import { statSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FsBlobIndex } from '../../adapters/drivers/fs/blob-index.ts'
import type { BlobRecord } from '../../core/bindings/drivers.ts'

/** Bytes of a page in the log of SQLite: what each commit writes at least. */
const PAGE = 4096

let folder: string
let index: FsBlobIndex
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'unmoor-index-'))
  index = new FsBlobIndex(folder, 'index.sqlite', false)
})
afterEach(async () => {
  index.close()
  await rm(folder, { recursive: true })
})

const names = Array.from({ length: 100 }, (_, count) => `b${count}`)
const record = (key: string): BlobRecord => ({
  key,
  size: 1,
  etag: key,
  uploaded: 1,
  httpMetadata: {},
  customMetadata: {},
})
const logSize = (): number => statSync(join(folder, 'index.sqlite-wal')).size

describe('puts on files that are under way at once', () => {
  it('share transactions', async () => {
    const before = logSize()
    await Promise.all(names.map((name) => index.announce(name, 1)))
    await Promise.all(names.map((name) => index.replace(record(name), name, () => {})))
    expect(logSize() - before).toBeLessThan((names.length / 2) * PAGE)
    expect(names.map((name) => index.get(name)?.file)).toEqual(names)
  })

  it('are refused one by one: by a condition, or where the body was taken away', async () => {
    await Promise.all(['a', 'b', 'd'].map((name) => index.announce(name, 1)))
    const put = (name: string, check = (): void => {}): Promise<string | undefined> =>
      index.replace(record('key'), name, check)
    const results = await Promise.allSettled([
      put('a'),
      put('b', () => {
        throw new Error('no')
      }),
      put('c'),
      put('d'),
    ])
    expect(results).toMatchObject([
      { status: 'fulfilled', value: undefined },
      { status: 'rejected', reason: { message: 'no' } },
      { status: 'rejected', reason: { code: 'Unavailable' } },
      { status: 'fulfilled', value: 'a' },
    ])
    expect(index.get('key')?.file).toBe('d')
  })
})
