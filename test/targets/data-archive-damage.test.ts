/** An archive with one bit flipped or some bytes cut is refused, or what is read from it is what was written. */
import { cp, readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeKv, damagedFiles, encodeKv, readManifest } from '../../core/tools/data/archive-format.ts'
import { openArchive } from '../../core/tools/data/archive-source.ts'
import { holds, holdsAsync } from '../unit/properties/holds.ts'
import { type DataLab, dataLab } from './data-lab.ts'

let lab: DataLab
let dir: string
let files: string[]
let whole: unknown
beforeAll(async () => {
  lab = await dataLab()
  dir = await lab.archive('archive-damage')
  const found = await readdir(dir, { recursive: true, withFileTypes: true })
  files = found.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  whole = await content(dir)
})
afterAll(() => lab[Symbol.asyncDispose]())

/** All that a transfer or a comparison reads of an archive. @throws where one of them would refuse it. */
async function content(place: string): Promise<unknown> {
  const wrong = await damagedFiles(place, await readManifest(place))
  if (wrong.length > 0) throw new Error(wrong.join())
  const archive = await openArchive(place)
  const bindings: Record<string, unknown> = {}
  for (const [binding, kind] of Object.entries(archive.bindings)) {
    if (kind === 'sql') {
      const schema = await archive.sql(binding).schema()
      const tables = schema.tables.map(async (table) => [
        await Array.fromAsync(archive.sql(binding).read(table)),
        await archive.sql(binding).count(table),
      ])
      bindings[binding] = [schema, await Promise.all(tables)]
    } else if (kind === 'kv')
      bindings[binding] = [
        await Array.fromAsync(archive.kv(binding).read()),
        await archive.kv(binding).count(),
      ]
    else {
      const records = await Array.fromAsync(archive.blob(binding).read())
      for (const { record } of records)
        if ((await archive.blobHash(record)) !== record.sha256) throw new Error('other bytes')
      bindings[binding] = [records, await archive.blob(binding).count()]
    }
  }
  return JSON.parse(JSON.stringify([archive.manifest.app, bindings]))
}

/** Damages a file, reads the archive, and puts the file back. */
async function readDamaged(path: string, damage: (bytes: Buffer) => Promise<unknown>): Promise<unknown> {
  const before = await readFile(path)
  try {
    await damage(Buffer.from(before))
    return await content(dir).catch((error: unknown) => {
      expect(error).toBeInstanceOf(Error)
      return 'refused'
    })
  } finally {
    await writeFile(path, before)
  }
}

describe('an archive', () => {
  it('with one bit flipped in any file is refused, or read as it was written', async () => {
    await holdsAsync(fc.tuple(fc.nat(), fc.nat(), fc.nat(7)), async ([file, place, bit]) => {
      const path = files[file % files.length] as string
      const read = await readDamaged(path, async (bytes) => {
        if (bytes.length > 0) bytes[place % bytes.length] = (bytes[place % bytes.length] as number) ^ (1 << bit)
        await writeFile(path, bytes)
      })
      if (read !== 'refused') expect(read).toEqual(whole)
    }, { runs: 60 }) // prettier-ignore
  })

  it('with one bit of its manifest flipped is refused, or read as it was written', async () => {
    const path = join(dir, 'manifest.json')
    await holdsAsync(fc.tuple(fc.nat(), fc.nat(7)), async ([place, bit]) => {
      const read = await readDamaged(path, async (bytes) => {
        bytes[place % bytes.length] = (bytes[place % bytes.length] as number) ^ (1 << bit)
        await writeFile(path, bytes)
      })
      if (read !== 'refused') expect(read).toEqual(whole)
    }, { runs: 150 }) // prettier-ignore
  })

  it('with a file cut anywhere is refused, or read as it was written', async () => {
    await holdsAsync(fc.tuple(fc.nat(), fc.nat()), async ([file, place]) => {
      const path = files[file % files.length] as string
      const read = await readDamaged(path, (bytes) => truncate(path, place % (bytes.length + 1)))
      if (read !== 'refused') expect(read).toEqual(whole)
    }, { runs: 60 }) // prettier-ignore
  })

  it('whose manifest counts other rows, or names another table, is refused', async () => {
    const copy = lab.dataDir('counts')
    await cp(dir, copy, { recursive: true })
    const path = join(copy, 'manifest.json')
    const text = await readFile(path, 'utf8')
    for (const changed of [
      text.replace(/"records": \d/, '"records": 9'),
      text.replaceAll('"posts"', '"qosts"'),
      text.replace('"seal"', '"real"'),
      text.replace(/"app": "[^"]*"/, '"app": "another"'),
    ]) {
      expect(changed).not.toBe(text)
      await writeFile(path, changed)
      await expect(readManifest(copy)).rejects.toThrow('its seal is not that of its content')
    }
  })

  it('of unmoor 0.1, which has no seal, is read', async () => {
    const copy = lab.dataDir('unsealed')
    await cp(dir, copy, { recursive: true })
    const { seal: _, ...manifest } = await readManifest(dir)
    await writeFile(join(copy, 'manifest.json'), JSON.stringify(manifest))
    expect(await content(copy)).toEqual(whole)
  })

  it('has entries of kv as they were', () => {
    const entry = fc.record({
      key: fc.string({ unit: 'binary' }),
      value: fc
        .oneof(
          fc.uint8Array({ maxLength: 40 }),
          fc.string({ unit: 'binary' }).map((text) => Buffer.from(text)),
        )
        .map((bytes) => new Uint8Array(bytes)),
      metadata: fc.option(fc.json(), { nil: undefined }),
      expiration: fc.option(fc.nat(), { nil: undefined }),
    })
    holds(entry, (record) => {
      const line = encodeKv(record)
      expect(line).not.toContain('\n')
      const read = decodeKv(line)
      const parsed = (text: string | undefined): unknown =>
        text === undefined ? undefined : JSON.parse(text)
      expect({ ...read, metadata: parsed(read.metadata) }).toEqual({
        ...record,
        metadata: parsed(record.metadata),
      })
    })
  })
})
