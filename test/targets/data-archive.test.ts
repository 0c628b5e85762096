import { appendFile, cp, mkdir, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  damagedFiles,
  readManifest,
  rootHash,
  type ArchivedBinding,
  type ArchiveManifest,
} from '../../core/tools/data/archive-format.ts'
import { createArchive } from '../../core/tools/data/archive-sink.ts'
import { openArchive } from '../../core/tools/data/archive-source.ts'
import { Journal, type JournalData } from '../../core/tools/data/journal.ts'
import { transfer } from '../../core/tools/data/transfer.ts'
import { verify } from '../../core/tools/data/verify.ts'
import { runUnmoor, startUnmoor, unmoor } from '../unit/cli-process.ts'
import { type DataLab, dataLab, migrateSqlite, openStores } from './data-lab.ts'

let lab: DataLab
beforeAll(async () => {
  lab = await dataLab()
})
afterAll(() => lab[Symbol.asyncDispose]())

describe('an archive', () => {
  it('holds everything: read again it equals its source, and imported its copy does', async () => {
    const dir = await lab.archive('archive-whole')
    const read = await openArchive(dir)
    expect((await verify(lab.source, read)).differences).toEqual([])
    await migrateSqlite(lab.project, lab.dataDir('copy'))
    const copy = await openStores(lab.project, { dataDir: lab.dataDir('copy') })
    await transfer(read, copy, { journal: lab.journal() })
    const report = await verify(lab.source, copy)
    expect(report).toMatchObject({
      equal: true,
      bindings: {
        links: { records: 207 },
        counts: { records: 17 },
        files: { records: 6 },
        db: { records: 1214 },
      },
    })
    await copy.close()
  })

  it('is the same bytes for the same data, blobs once per content', async () => {
    const [one, two] = [await lab.archive('archive-one'), await lab.archive('archive-two')]
    const [a, b] = [await readManifest(one), await readManifest(two)]
    expect(a.root).toBe(b.root)
    const stored = (
      await readdir(join(one, 'blob/files/data'), { recursive: true, withFileTypes: true })
    ).filter((entry) => entry.isFile())
    expect(stored).toHaveLength(5)
  })

  describe('that is damaged is refused, and says what is wrong', () => {
    let whole: string
    beforeAll(async () => {
      whole = await lab.archive('archive-damage')
    })
    const damage = async (
      name: string,
      change: (dir: string, manifest: ArchiveManifest) => Promise<void>,
    ): Promise<string[]> => {
      const dir = lab.dataDir(name)
      await cp(whole, dir, { recursive: true })
      await change(dir, await readManifest(dir))
      return damagedFiles(dir, await readManifest(dir))
    }
    const first = (manifest: ArchiveManifest, binding: string): string =>
      manifest.bindings[binding]?.files[0]?.name as string

    /** A copy whose manifest is another, with the root hash that belongs to it. */
    const changedManifest = async (
      name: string,
      change: (manifest: ArchiveManifest) => void,
    ): Promise<string> => {
      const dir = lab.dataDir(name)
      await cp(whole, dir, { recursive: true })
      const manifest = await readManifest(dir)
      change(manifest)
      await writeFile(
        join(dir, 'manifest.json'),
        JSON.stringify({ ...manifest, root: rootHash(manifest.bindings) }),
      )
      return dir
    }

    it('a flipped byte', async () => {
      const wrong = await damage('flipped', async (dir, manifest) => {
        const path = join(dir, first(manifest, 'links'))
        await writeFile(path, (await readFile(path, 'utf8')).replace('value 7', 'value 8'))
      })
      expect(wrong).toEqual(['kv/links/000001.ndjson was changed: its sha256 is another'])
    })

    it('a truncated file', async () => {
      const wrong = await damage('truncated', async (dir, manifest) =>
        truncate(join(dir, first(manifest, 'links')), 100),
      )
      expect(wrong[0]).toContain('kv/links/000001.ndjson has 100 bytes, not')
      expect(wrong[0]).toContain('truncated')
    })

    it('a missing file', async () => {
      expect(await damage('missing', async (dir, manifest) => rm(join(dir, first(manifest, 'db'))))).toEqual([
        expect.stringMatching(/^sql\/db\/tables\/.* is missing$/),
      ])
    })

    it('a changed manifest', async () => {
      const dir = lab.dataDir('manifest')
      await cp(whole, dir, { recursive: true })
      const path = join(dir, 'manifest.json')
      await writeFile(path, (await readFile(path, 'utf8')).replace(/"sha256": "./, '"sha256": "0'))
      await expect(readManifest(dir)).rejects.toMatchObject({
        code: 'InvalidArgument',
        message: expect.stringContaining('root hash'),
      })
    })

    it.each([
      '../../secret',
      'kv/links/../../../secret',
      '/etc/passwd',
      'kv/other/000001.ndjson',
      'kv/links/..\\secret',
      'kv/links/',
    ])('a file out of its folder: %s', async (name) => {
      const dir = await changedManifest('outside', (manifest) => {
        const [file] = manifest.bindings['links']?.files ?? []
        if (file !== undefined) file.name = name
      })
      await expect(readManifest(dir)).rejects.toMatchObject({
        code: 'InvalidArgument',
        message: expect.stringContaining(JSON.stringify(name)),
      })
    })

    it('a binding out of its folder', async () => {
      const dir = await changedManifest('outside-binding', ({ bindings }) => {
        bindings['../files'] = { ...(bindings['files'] as ArchivedBinding), files: [] }
      })
      await expect(readManifest(dir)).rejects.toMatchObject({
        code: 'InvalidArgument',
        message: expect.stringContaining('"../files"'),
      })
    })

    it('a blob whose bytes lie elsewhere', async () => {
      const dir = lab.dataDir('outside-blob')
      await cp(whole, dir, { recursive: true })
      const path = join(dir, first(await readManifest(dir), 'files'))
      await writeFile(
        path,
        (await readFile(path, 'utf8')).replace(/"sha256":"\w+"/, '"sha256":"../../../secret"'),
      )
      await expect(
        openArchive(dir).then(async (archive) => Array.fromAsync(archive.blob('files').read())),
      ).rejects.toMatchObject({
        code: 'InvalidArgument',
        message: expect.stringContaining('blob/files/index/000001.ndjson:1 is no record'),
      })
    })

    it.each([
      'null',
      '{"format":"unmoor-archive","version":1}',
      '{"format":"unmoor-archive","version":1,"bindings":{"links":null}}',
      '{"format"',
    ])('a manifest that is none: %s', async (text) => {
      const dir = lab.dataDir('no-manifest')
      await mkdir(dir, { recursive: true })
      await writeFile(join(dir, 'manifest.json'), text)
      await expect(readManifest(dir)).rejects.toMatchObject({ code: 'InvalidArgument' })
    })

    it('a newer format', async () => {
      const dir = lab.dataDir('newer')
      await cp(whole, dir, { recursive: true })
      const path = join(dir, 'manifest.json')
      await writeFile(path, (await readFile(path, 'utf8')).replace('"version": 1', '"version": 2'))
      const { code, stderr } = await runUnmoor([
        'data',
        'import',
        dir,
        '--to',
        'node',
        '--project',
        lab.project.dir,
      ])
      expect(code).toBe(1)
      expect(stderr).toContain('has format 2; this unmoor reads up to 1. Install a newer one')
    })

    it('half an archive', async () => {
      const dir = lab.dataDir('half')
      await cp(whole, dir, { recursive: true })
      await rm(join(dir, 'manifest.json'))
      await writeFile(join(dir, 'progress.json'), '{}')
      await expect(openArchive(dir)).rejects.toMatchObject({
        code: 'InvalidArgument',
        message: expect.stringContaining('half'),
      })
    })

    it("a blob's bytes: verify names the key, an import stores nothing of it", async () => {
      const dir = lab.dataDir('blob-bytes')
      await cp(whole, dir, { recursive: true })
      const [entry] = (
        await readdir(join(dir, 'blob/files/data'), { recursive: true, withFileTypes: true })
      ).filter((one) => one.isFile() && one.name.length > 10)
      const path = join(entry?.parentPath as string, entry?.name as string)
      const bytes = await readFile(path)
      await (bytes.length === 0
        ? appendFile(path, 'x')
        : writeFile(
            path,
            bytes.map((byte, at) => (at === 0 ? byte ^ 1 : byte)),
          ))
      const { code, stdout } = await runUnmoor(['data', 'verify', dir, '--reporter', 'json'])
      expect(code).toBe(1)
      expect((JSON.parse(stdout) as { damaged: string[] }).damaged.length).toBeGreaterThan(0)
      const copy = await openStores(lab.project, {
        dataDir: lab.dataDir('blob-bytes-copy'),
        bindings: ['files'],
      })
      await expect(
        transfer(await openArchive(dir), copy, { journal: lab.journal(), bindings: ['files'] }),
      ).rejects.toMatchObject({ code: 'ChecksumMismatch' })
      await copy.close()
    })
  })
})

describe('an export', () => {
  const bindings = ['links', 'files']
  beforeAll(() => lab.fillMany('many'))
  const from = (): string[] => [
    '--from',
    'node',
    '--from-data-dir',
    lab.dataDir('many'),
    '--project',
    lab.project.dir,
    '-b',
    ...bindings,
  ]
  const exportTo = (dir: string): string[] => ['data', 'export', dir, ...from()]
  const expectWhole = async (dir: string): Promise<void> => {
    expect(await runUnmoor(['data', 'verify', dir, ...from()])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Equal.'),
    })
    expect((await readdir(dir)).sort()).toEqual(['blob', 'kv', 'manifest.json'])
    expect((await readdir(join(dir, 'blob/files/data'))).filter((name) => name.startsWith('.'))).toEqual([])
  }
  const entries = (data: JournalData | undefined): number => data?.parts['links']?.records ?? 0

  /** Kills an export with -9 as soon as its journal says so. */
  async function killedExport(dir: string, when: (data: JournalData | undefined) => boolean): Promise<void> {
    const { child, result } = startUnmoor([...exportTo(dir), '--rate', '3000'])
    const read = async (): Promise<JournalData | undefined> => {
      const text = await readFile(join(dir, 'progress.json'), 'utf8').catch(() => undefined)
      return text === undefined ? undefined : (JSON.parse(text) as JournalData)
    }
    while (!when(await read()) && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 10))
    child.kill('SIGKILL')
    await result
    expect(when(await read())).toBe(true)
  }

  it('killed with -9 right after its start goes on, and its archive is whole', async () => {
    const dir = lab.dataDir('killed-early')
    await killedExport(dir, (data) => data !== undefined)
    expect(await unmoor(exportTo(dir))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('going on where an earlier run'),
    })
    await expectWhole(dir)
  })

  it('killed with -9 on its way goes on, and its archive is whole', async () => {
    const dir = lab.dataDir('killed-late')
    await killedExport(dir, (data) => entries(data) > 0)
    await mkdir(join(dir, 'blob/files/data'), { recursive: true })
    await writeFile(join(dir, 'blob/files/data/.part-1'), 'half a blob')
    expect(await unmoor(exportTo(dir))).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('going on where an earlier run'),
    })
    await expectWhole(dir)
  })

  it('broken off begins anew with --restart; one of other bindings is refused', async () => {
    const dir = lab.dataDir('killed-restart')
    await killedExport(dir, (data) => entries(data) > 0)
    const other = await unmoor([...exportTo(dir).slice(0, -2), 'links'])
    expect(other).toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        'holds half an export of links, files. Finish it with the same --binding',
      ),
    })
    const { code, stdout } = await unmoor([...exportTo(dir), '--restart'])
    expect(code).toBe(0)
    expect(stdout).not.toContain('going on')
    await expectWhole(dir)
  })

  it('that ends after its last record, before the manifest, goes on', async () => {
    const dir = lab.dataDir('unfinished')
    const journal = join(dir, 'progress.json')
    const all = lab.source.bindings
    const sink = await createArchive(dir, 'mover', all)
    sink.finish = () => Promise.reject(new Error('no space'))
    await expect(transfer(lab.source, sink, { journal })).rejects.toThrow('no space')
    await sink.close()
    await expect(openArchive(dir)).rejects.toThrow('half')
    const { archive: resumed } = (await Journal.open(journal, lab.source.label, dir, false)).data
    expect(
      await transfer(lab.source, await createArchive(dir, 'mover', all, { resumed }), { journal }),
    ).toMatchObject({ resumed: true })
    expect((await verify(lab.source, await openArchive(dir))).differences).toEqual([])
  })

  it('that another machine writes into is refused, until it has been silent for two minutes; who is taken over stops', async () => {
    const path = lab.journal()
    const own = await Journal.open(path, 'a', 'b', false)
    await own.save()
    await own.save()
    const elsewhere = { ...own.data, begun: true, writer: { id: 'other', host: 'elsewhere' } }
    await writeFile(path, JSON.stringify(elsewhere))
    await expect(own.save()).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining('on elsewhere has taken over'),
    })
    for (const restart of [false, true])
      await expect(Journal.open(path, 'a', 'b', restart)).rejects.toMatchObject({
        code: 'Conflict',
        message: expect.stringContaining('on elsewhere is already writing into b'),
      })
    const silent = Date.now() / 1000 - 121
    await utimes(path, silent, silent)
    const next = await Journal.open(path, 'a', 'b', false)
    expect(next.isResumed).toBe(true)
    await next.save()
    await rm(path)
    await expect(next.save()).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining('has removed'),
    })
  })
})
