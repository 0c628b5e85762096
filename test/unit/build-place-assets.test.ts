import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { placeAssets } from '../../core/tools/build/place-assets.ts'

let projectDir: string
let outDir: string
beforeEach(async () => {
  projectDir = await mkdtemp(join(tmpdir(), 'unmoor-assets-'))
  outDir = join(projectDir, 'out')
  await mkdir(join(projectDir, 'public'))
  await writeFile(source(), 'first')
})
afterEach(() => rm(projectDir, { recursive: true, force: true }))

const source = (): string => join(projectDir, 'public/a.txt')

/** Builds as often as it is called; returns the system's number of the copy. `age`: of the sources, in ms. */
async function place(age = 60_000): Promise<number> {
  const dir = join(projectDir, 'new')
  const files = [{ source: source(), file: join(dir, 'assets/a.txt') }]
  await placeAssets(files, { dir, outDir, projectDir, now: () => Date.now() + age })
  await rm(outDir, { recursive: true, force: true })
  await rename(dir, outDir)
  return (await stat(join(outDir, 'assets/a.txt'))).ino
}

const placed = (): Promise<string> => readFile(join(outDir, 'assets/a.txt'), 'utf8')

describe('assets of a build', () => {
  it('that have not changed are linked to the last copies', async () => {
    const first = await place()
    expect(await place()).toBe(first)
    expect(await place()).toBe(first)
    expect(await placed()).toBe('first')
    expect((await stat(source())).ino).not.toBe(first)
  })

  it('that have changed are copied, though they have the same size and the same time', async () => {
    await place()
    const { atime, mtime } = await stat(source())
    await writeFile(source(), 'other')
    await utimes(source(), atime, mtime)
    await place()
    expect(await placed()).toBe('other')
  })

  it('are copied from a folder that took the place of the last one', async () => {
    await cp(join(projectDir, 'public'), join(projectDir, 'later'), {
      recursive: true,
      preserveTimestamps: true,
    })
    await writeFile(join(projectDir, 'later/a.txt'), 'later')
    await place()
    await rm(join(projectDir, 'public'), { recursive: true })
    await rename(join(projectDir, 'later'), join(projectDir, 'public'))
    await place()
    expect(await placed()).toBe('later')
  })

  it('are copied again where somebody has changed the copy', async () => {
    await place()
    await writeFile(join(outDir, 'assets/a.txt'), 'mine!')
    await place()
    expect(await placed()).toBe('first')
  })

  it('that have just been written are copied again: another write may have left no trace', async () => {
    const first = await place(0)
    expect(await place(0)).not.toBe(first)
  })

  it('are copied where the record of the last copies is gone or damaged', async () => {
    const first = await place()
    const cache = join(projectDir, '.unmoor/cache')
    const [record = ''] = await readdir(cache)
    await writeFile(join(cache, record), '{ "format": 1, "copies"')
    const second = await place()
    expect(second).not.toBe(first)
    await rm(cache, { recursive: true })
    expect(await place()).not.toBe(second)
    expect(await placed()).toBe('first')
  })
})
