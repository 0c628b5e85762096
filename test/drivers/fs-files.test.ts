import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readlink, rm, unlink, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { blob } from '../../adapters/drivers/fs/index.ts'
import { utf8 } from '../../core/bindings/bytes.ts'
import type { BlobDriver } from '../../core/bindings/drivers.ts'
import { PATIENCE } from '../patience.ts'
import { driverContext, failure, pattern } from './contracts/harness.ts'

const CHILD = new URL('fs-child.ts', import.meta.url).pathname
const NO_METADATA = { httpMetadata: {}, customMetadata: {} }

describe('fs files', () => {
  let dataDir: string
  let folder: string
  const open = async (now = Date.now): Promise<BlobDriver> => blob({}, driverContext({ now }, { dataDir }))
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'unmoor-fs-'))
    folder = join(dataDir, 'test', 'blob-things')
  })
  afterEach(() => rm(dataDir, { recursive: true, force: true }))

  const bodies = async (): Promise<string[]> =>
    (await readdir(join(folder, 'data'), { recursive: true, withFileTypes: true }))
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)

  it('replaced, deleted, refused and failed puts leave no file behind', async () => {
    const driver = await open()
    await driver.put('a', utf8('1'), NO_METADATA)
    await driver.put('a', utf8('2'), NO_METADATA)
    await driver.put('b', utf8('3'), NO_METADATA)
    await driver.delete(['b'])
    await failure(driver.put('a', utf8('4'), { ...NO_METADATA, ifNoneMatch: '*' }), 'PreconditionFailed')
    await failure(driver.put('c', utf8('5'), { ...NO_METADATA, sha256: '0'.repeat(64) }), 'ChecksumMismatch')
    const broken = new ReadableStream<Uint8Array<ArrayBuffer>>({
      pull: (controller) => controller.error(new Error('broke')),
    })
    await failure(driver.put('d', broken, NO_METADATA), 'Aborted')
    expect((await bodies()).length).toBe(1)
    await driver.close?.()
    const index = new DatabaseSync(join(folder, 'index.sqlite'))
    expect(index.prepare('SELECT count(*) AS n FROM loose').get()?.['n']).toBe(0)
    index.close()
  })

  it('thousands of files that an ended process has left do not delay a start, and go behind it', async () => {
    await (await open()).close?.()
    const names = Array.from({ length: 2000 }, (_, index) => `data/left-${index}`)
    await mkdir(join(folder, 'data'), { recursive: true })
    for (const name of names) await writeFile(join(folder, name), 'x')
    const index = new DatabaseSync(join(folder, 'index.sqlite'))
    index.exec('BEGIN')
    // A process of this machine with the number of this one, that began long ago.
    const add = index.prepare('INSERT INTO loose (file, since, host, pid, started) VALUES (?, 0, ?, ?, 1)')
    for (const name of names) add.run(name, hostname(), process.pid)
    index.exec('COMMIT')
    const driver = await open()
    const left = index.prepare('SELECT count(*) AS n FROM loose')
    expect(left.get()?.['n']).toBe(2000)
    await driver.put('a', utf8('1'), NO_METADATA)
    await expect.poll(() => left.get()?.['n'], PATIENCE).toBe(0)
    await expect.poll(bodies, PATIENCE).toHaveLength(1)
    await driver.close?.()
    // One that is closed at once removes nothing more, and fails nothing.
    index.exec('BEGIN')
    for (const name of names) add.run(name, hostname(), process.pid)
    index.exec('COMMIT')
    await (await open()).close?.()
    expect(left.get()?.['n']).toBeGreaterThan(0)
    index.close()
  })

  it('a process killed in a put leaves the old blob, and its half file is removed at the next start', async () => {
    const driver = await open()
    await driver.put('big', utf8('old'), NO_METADATA)
    const child = spawn(process.execPath, [CHILD, dataDir], { stdio: ['ignore', 'ignore', 'inherit'] })
    const closed = once(child, 'close')
    await expect.poll(bodies, PATIENCE).toHaveLength(2)
    // Another process that starts now leaves the running put alone.
    const second = await open()
    // Behind its start it looks at what is left, which it has done when it has removed something.
    const index = new DatabaseSync(join(folder, 'index.sqlite'))
    await second.put('small', utf8('1'), NO_METADATA)
    await second.delete(['small'])
    expect(index.prepare('SELECT count(*) AS n FROM loose').get()?.['n']).toBe(1)
    index.close()
    await second.close?.()
    expect((await bodies()).length).toBe(2)
    child.kill('SIGKILL')
    await closed
    await driver.close?.()
    const again = await open()
    await expect.poll(bodies, PATIENCE).toHaveLength(1)
    expect(new TextDecoder().decode((await again.get('big', {}))?.body as Uint8Array)).toBe('old')
    await again.close?.()
  })

  it('a body that is missing or cut short is named', async () => {
    const driver = await open()
    await driver.put('missing', pattern(1000), NO_METADATA)
    const [name = ''] = await bodies()
    const [path] = (await readdir(join(folder, 'data'), { recursive: true }))
      .filter((entry) => entry.endsWith(name))
      .map((entry) => join(folder, 'data', entry))
    await writeFile(path ?? '', pattern(999))
    expect((await failure(driver.get('missing', {}), 'Internal')).message).toContain(name)
    await unlink(path ?? '')
    expect((await failure(driver.get('missing', {}), 'Internal')).message).toContain(folder)
    await driver.close?.()
  })

  it('a damaged index is named and kept', async () => {
    await (await open()).close?.()
    await writeFile(join(folder, 'index.sqlite'), pattern(5000))
    expect((await failure(open(), 'Internal')).message).toContain(join(folder, 'index.sqlite'))
  })

  it('streams that nobody reads do not keep files open', async () => {
    const driver = await open()
    await driver.put('a', pattern(2_000_000), NO_METADATA)
    const data = join(folder, 'data')
    // Only files of this driver's folder count: other files of the process come and go.
    const openFiles = async (): Promise<string[]> => {
      if (process.platform !== 'linux') return []
      const names = await readdir('/proc/self/fd')
      const paths = await Promise.all(names.map((name) => readlink(`/proc/self/fd/${name}`).catch(() => '')))
      return paths.filter((path) => path.startsWith(data))
    }
    for (let round = 0; round < 50; round++) {
      const body = (await driver.get('a', {}))?.body as ReadableStream<Uint8Array>
      await body.cancel()
    }
    await expect.poll(openFiles, PATIENCE).toEqual([])
    await driver.close?.()
  })
})
