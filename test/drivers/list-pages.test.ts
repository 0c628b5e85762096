/** Pages of lists: joined they are the whole, however the keys, the prefix and the page size are chosen. */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { blob as fsBlob } from '../../adapters/drivers/fs/index.ts'
import * as memory from '../../adapters/drivers/memory/index.ts'
import * as postgres from '../../adapters/drivers/postgres/index.ts'
import { kv as sqliteKv, strongKv as sqliteStrongKv } from '../../adapters/drivers/sqlite/index.ts'
import { BlobStore } from '../../core/bindings/blob.ts'
import { compareUtf8 } from '../../core/bindings/bytes.ts'
import type { BlobDriver, KvDriver } from '../../core/bindings/drivers.ts'
import { Kv } from '../../core/bindings/kv.ts'
import { holdsAsync, textOf } from '../unit/properties/holds.ts'
import { createHarness, driverContext, type Harness } from './contracts/harness.ts'
import { folderHarness } from './folder.ts'
import { postgresAnswers, postgresHarness } from './postgres-server.ts'

const answers = await postgresAnswers('list-pages.test.ts')

const key = textOf(
  ['a', 'b', '/', '.', '_', '%', '*', '[', '\\', "'", '\uffff', '\u{10ffff}', '\u007f', 'é'],
  5,
)
  .map((text) => text.replaceAll('\0', ''))
  .filter((text) => !['', '.', '..'].includes(text))
const start = fc.oneof(fc.constant(''), key)
const limit = fc.integer({ min: 1, max: 7 })
const sorted = (keys: Iterable<string>): string[] => [...new Set(keys)].toSorted(compareUtf8)

interface Store {
  put(key: string, value: string): Promise<unknown>
  delete(key: string): Promise<unknown>
}
/** Makes a store hold these keys alone; `stored` are keys that it may hold. */
async function fill(stored: Set<string>, keys: readonly string[], store: Store): Promise<void> {
  for (const old of stored) if (!keys.includes(old)) await store.delete(old)
  for (const one of keys) await store.put(one, 'v')
  stored.clear()
  for (const one of keys) stored.add(one)
}

type Drivers<Driver> = [name: string, runs: number, open: () => Promise<Harness<Driver>>][]
const memoryOf = <Driver extends object>(
  create: typeof memory.kv | typeof memory.blob,
): Promise<Harness<Driver>> =>
  Promise.resolve(
    createHarness((options) => create({ prefix: crypto.randomUUID() }, driverContext(options)) as never),
  )
const KV: Drivers<KvDriver> = [
  ['memory', 200, () => memoryOf(memory.kv)],
  ['sqlite', 100, () => folderHarness((options, context) => sqliteKv(options, context))],
  ['strong sqlite', 30, () => folderHarness((options, context) => sqliteStrongKv(options, context))],
  ['postgres', 8, async () => postgresHarness((options, context) => postgres.kv(options, context))],
]
const BLOB: Drivers<BlobDriver> = [
  ['memory', 200, () => memoryOf(memory.blob)],
  ['fs', 8, () => folderHarness((options, context) => fsBlob(options, context))],
  ['postgres', 6, postgresBlobs],
]

/** Blobs whose index is in Postgres and whose bytes are in a folder. */
async function postgresBlobs(): Promise<Harness<BlobDriver>> {
  const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-list-'))
  const harness = postgresHarness((options, context) => postgres.blob(options, { ...context, dataDir }))
  const dispose = async (): Promise<void> => {
    await harness.dispose()
    await rm(dataDir, { recursive: true })
  }
  return { ...harness, dispose }
}

describe.each(KV)('keys of kv on %s', (name, runs, open) => {
  it.skipIf(name === 'postgres' && !answers)(
    `${name}: pages of keys joined are all keys with the prefix`,
    async () => {
      const harness = await open()
      const store = new Kv(await harness.open(), { binding: 'things' })
      const stored = new Set<string>()
      try {
        const case_ = fc.tuple(
          fc.array(key, { maxLength: 12 }),
          start,
          limit,
          fc.array(key, { maxLength: 4 }),
        )
        await holdsAsync(case_, async ([keys, prefix, size, others]) => {
        await fill(stored, keys, store)
        const listed: string[] = []
        let cursor: string | undefined
        let changes = 0
        do {
          const page = await store.list({ prefix, limit: size, ...(cursor === undefined ? {} : { cursor }) })
          expect(page.keys.length).toBeLessThanOrEqual(size)
          expect(page.complete).toBe(page.cursor === undefined)
          listed.push(...page.keys.map((one) => one.name))
          cursor = page.cursor
          // Other keys come and go between two pages.
          const other = others[changes++ % 4]
          if (other === undefined || keys.includes(other)) continue
          await (changes % 2 === 1 ? store.put(other, 'w') : store.delete(other))
          stored.add(other)
        } while (cursor !== undefined)
        expect(listed).toEqual(sorted(listed))
        const expected = sorted(keys).filter((one) => one.startsWith(prefix))
        expect(listed.filter((one) => keys.includes(one))).toEqual(expected)
        expect(listed.every((one) => one.startsWith(prefix))).toBe(true)
      }, { runs }) // prettier-ignore
      } finally {
        await harness.dispose()
      }
    },
  )
})

describe.each(BLOB)('keys of blobs on %s', (name, runs, open) => {
  it.skipIf(name === 'postgres' && !answers)(
    `${name}: pages of blobs and groups joined are the whole list`,
    async () => {
      const harness = await open()
      const store = new BlobStore(await harness.open(), { binding: 'things' })
      const stored = new Set<string>()
      try {
        const delimiter = fc.option(fc.oneof(fc.constant('/'), key), { nil: undefined })
        const after = fc.option(key, { nil: undefined })
        const case_ = fc.tuple(fc.array(key, { maxLength: 10 }), start, delimiter, after, limit)
        await holdsAsync(case_, async ([keys, prefix, split, startAfter, size]) => {
        await fill(stored, keys, store)
        const groupOf = (one: string): string | undefined => {
          const at = split === undefined ? -1 : one.indexOf(split, prefix.length)
          return at < 0 ? undefined : one.slice(0, at + (split as string).length)
        }
        const wanted = sorted(keys).filter(
          (one) => one.startsWith(prefix) && (startAfter === undefined || compareUtf8(one, startAfter) > 0),
        )
        const blobs: string[] = []
        const prefixes: string[] = []
        let cursor: string | undefined
        do {
          const page = await store.list({
            prefix,
            limit: size,
            ...(split === undefined ? {} : { delimiter: split }),
            ...(cursor === undefined ? (startAfter === undefined ? {} : { startAfter }) : { cursor }),
          })
          expect(page.blobs.length + page.prefixes.length).toBeLessThanOrEqual(size)
          blobs.push(...page.blobs.map((one) => one.key))
          prefixes.push(...page.prefixes)
          cursor = page.cursor
        } while (cursor !== undefined)
        expect(blobs).toEqual(wanted.filter((one) => groupOf(one) === undefined))
        expect(prefixes).toEqual(sorted(wanted.flatMap((one) => groupOf(one) ?? [])))
      }, { runs }) // prettier-ignore
      } finally {
        await harness.dispose()
      }
    },
  )
})
