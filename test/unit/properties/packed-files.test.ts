/** Tars and zips that unmoor writes, read by other programs, and uploads that a host reads. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve, sep } from 'node:path'
import { Readable } from 'node:stream'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ARTIFACT_FILES } from '../../../adapters/isolate/host/artifact.ts'
import { readUpload } from '../../../adapters/isolate/host/admin/upload.ts'
import { createTar } from '../../../adapters/lambda/build/tar.ts'
import { createZip } from '../../../adapters/lambda/build/zip.ts'
import { isUnmoorError } from '../../../core/errors.ts'
import { damaged, holdsAsync, textOf } from './holds.ts'

const part = fc
  .tuple(fc.constantFrom('a', 'b.js', 'é', '😀', ' ', '-x', '.env', 'long'), fc.integer({ min: 1, max: 60 }))
  .map(([name, times]) => (name === 'long' ? 'l'.repeat(times * 3) : name))
const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'))
const files = fc
  .uniqueArray(
    fc.record({
      path,
      data: fc.uint8Array({ maxLength: 1500 }).map((bytes) => Buffer.from(bytes)),
      mode: fc.constantFrom(0o644, 0o755),
    }),
    { maxLength: 6, selector: (file) => file.path },
  )
  // A name is a file or a folder, not both.
  .filter((all) => all.every((one) => !all.some((other) => other.path.startsWith(`${one.path}/`))))

/** The files below a folder, as they were packed. */
function unpacked(dir: string): [path: string, data: string, mode: number][] {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry): [string, string, number] => {
      const file = join(entry.parentPath, entry.name)
      return [file.slice(dir.length + 1), readFileSync(file, 'latin1'), statSync(file).mode & 0o777]
    })
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
}

describe('files that were packed', () => {
  it('are read from a tar as they were', async () => {
    await holdsAsync(files, async (all) => {
      const dir = mkdtempSync(join(tmpdir(), 'unmoor-tar-'))
      try {
        execFileSync('tar', ['-xpf', '-', '-C', dir], { input: createTar(all) })
        const expected = all.map(({ path: name, data, mode }) => [name, data.toString('latin1'), mode])
        expect(unpacked(dir)).toEqual(expected.toSorted(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)))
        expect(createTar(all.toReversed())).toEqual(createTar(all))
      } finally {
        rmSync(dir, { recursive: true })
      }
    }, { runs: 15 }) // prettier-ignore
  })

  it('are read from a zip as they were', async () => {
    await holdsAsync(files, async (all) => {
      const read = execFileSync(
        'python3',
        ['-c', 'import sys,io,json,zipfile\nz=zipfile.ZipFile(io.BytesIO(sys.stdin.buffer.read()))\nassert z.testzip() is None\nprint(json.dumps([[n,z.read(n).hex()] for n in z.namelist()]))'],
        { input: createZip(all) },
      ) // prettier-ignore
      const expected = all.map(({ path: name, data }): [string, string] => [name, data.toString('hex')])
      expect(new Map(JSON.parse(read.toString()) as [string, string][])).toEqual(new Map(expected))
    }, { runs: 5 }) // prettier-ignore
  })
})

describe('an upload to a host', () => {
  const name = fc.oneof(
    {
      weight: 4,
      arbitrary: textOf(['assets/', '..', '.', '/', '\\', 'a', '%2e', '\0', ':', 'C:', '\n', '..\\'], 6),
    },
    fc.constantFrom(...ARTIFACT_FILES, 'guest.js.map'),
  )
  const info = JSON.stringify({
    target: 'isolate',
    manifest: { version: 1, name: 'app', bindings: {}, queues: [], crons: {} },
    drivers: {},
    migrations: {},
    options: {},
  })
  /** A multipart body with these files beside those that an artifact has. */
  const body = (names: readonly string[]): string =>
    [...ARTIFACT_FILES.map((file) => [file, file === 'unmoor.json' ? info : 'x']), ...names.map((one) => [one, 'y'])]
      .map(
        ([file = '', content]) =>
          `--B\r\nContent-Disposition: form-data; name="${file.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A')}"; filename="f"\r\n\r\n${content}\r\n`,
      )
      .join('') + '--B--\r\n' // prettier-ignore
  const read = (bytes: Uint8Array): ReturnType<typeof readUpload> =>
    readUpload(
      Object.assign(Readable.from([Buffer.from(bytes)]), {
        headers: { 'content-type': 'multipart/form-data; boundary=B' },
      }) as IncomingMessage,
      1_000_000,
    )

  it('is read whole', async () => {
    const { files: found } = await read(Buffer.from(body(['assets/a/b.txt', 'guest.js.map'])))
    expect([...found.keys()]).toEqual([...ARTIFACT_FILES, 'assets/a/b.txt', 'guest.js.map'])
  })

  it('has no file out of its folder, or is refused', async () => {
    await holdsAsync(fc.array(name, { maxLength: 3 }), async (names) => {
      const upload = await read(Buffer.from(body(names))).catch((error: unknown) => error)
      if (isUnmoorError(upload)) return
      expect(upload).not.toBeInstanceOf(Error)
      for (const file of (upload as Awaited<ReturnType<typeof readUpload>>).files.keys()) {
        expect(resolve('/dir', file).startsWith(`/dir${sep}`)).toBe(true)
        expect(file).not.toMatch(/[\\:\0]/)
      }
    })
  })

  it('that is damaged is refused as an UnmoorError, or whole', async () => {
    await holdsAsync(damaged(fc.constant(body(['assets/a.txt']))), async (bytes) => {
      const upload = await read(bytes).catch((error: unknown) => error)
      if (upload instanceof Error) expect(isUnmoorError(upload)).toBe(true)
      else
        expect([...(upload as { files: Map<string, unknown> }).files.keys()]).toEqual(
          expect.arrayContaining([...ARTIFACT_FILES]),
        )
    })
  })
})
