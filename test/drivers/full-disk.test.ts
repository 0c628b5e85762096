import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest'
import { blob } from '../../adapters/drivers/fs/index.ts'
import { kv, queue, sql, strongKv } from '../../adapters/drivers/sqlite/index.ts'
import { queue as declareQueue } from '../../core/bindings/declarations.ts'
import type { UnmoorError } from '../../core/errors.ts'
import { driverContext, failure, pattern } from './contracts/harness.ts'

/** A disk of 4 MiB, as memory; undefined where this user may not mount one. */
function mountSmallDisk(): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'unmoor-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', folder], { stdio: 'ignore' })
    return folder
  } catch {
    rmSync(folder, { recursive: true, force: true })
    console.warn('full disk: skipped, this user may not mount a tmpfs. Run the tests as root.')
    return undefined
  }
}

const disk = mountSmallDisk()

describe.skipIf(disk === undefined)('a full disk', () => {
  const folder = disk ?? ''
  const filler = join(folder, 'filler')
  const closing: { close?(): Promise<void> | void }[] = []
  const context = (declaration?: ReturnType<typeof declareQueue>): ReturnType<typeof driverContext> =>
    driverContext(declaration === undefined ? {} : { declaration }, { dataDir: folder })
  const opened = <Driver extends { close?(): Promise<void> | void }>(driver: Driver): Driver => {
    closing.push(driver)
    return driver
  }
  beforeEach(() => rmSync(filler, { force: true }))
  afterEach(async () => {
    for (const driver of closing.splice(0)) await driver.close?.()
    for (const name of ['filler', 'test']) rmSync(join(folder, name), { recursive: true, force: true })
  })
  afterAll(() => {
    execFileSync('umount', [folder], { stdio: 'ignore' })
    rmSync(folder, { recursive: true, force: true })
  })

  /** Leaves no room, a block at a time. */
  const fill = (): void => {
    for (let size = 4 * 1024 * 1024; size >= 4096; size /= 2) {
      try {
        writeFileSync(filler, new Uint8Array(size), { flag: 'a' })
        size *= 2
      } catch {}
    }
  }

  /** Writes until the disk is full; returns how many writes were answered, and the error. */
  async function untilFull(
    write: (index: number) => Promise<unknown>,
  ): Promise<{ written: number; error: UnmoorError }> {
    for (let index = 0; index < 1000; index++) {
      const error = await write(index).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      if (error !== undefined)
        return { written: index, error: await failure(Promise.reject(error), 'Unavailable') }
      if (index === 2) fill()
    }
    throw new Error('The disk never got full.')
  }

  const expectFull = ({ written, error }: { written: number; error: UnmoorError }): void => {
    expect(written).toBeGreaterThan(2)
    expect(error.message).toContain('disk is full')
    expect(error.retryable).toBe(false)
    expect(error.message).toContain(folder)
  }

  it.each([
    ['kv', kv],
    ['strong kv', strongKv],
  ])('%s on SQLite says so, keeps what was answered, and goes on when there is room', async (_, create) => {
    const driver = opened(await create({}, context()))
    const full = await untilFull((index) => driver.put(`key ${index}`, 'x'.repeat(60_000), {}))
    expectFull(full)
    for (let index = 0; index < full.written; index++)
      expect((await driver.get(`key ${index}`, 'text'))?.value).toHaveLength(60_000)
    expect(await driver.get(`key ${full.written}`, 'text')).toBeNull()
    rmSync(filler)
    await driver.put(`key ${full.written}`, 'room again', {})
    expect((await driver.get(`key ${full.written}`, 'text'))?.value).toBe('room again')
  })

  it('sql on SQLite rolls the batch and the transaction back', async () => {
    const driver = opened(await sql({}, context()))
    await driver.query({ text: 'CREATE TABLE t (id INTEGER PRIMARY KEY, data TEXT)', params: [] })
    const insert = (index: number): { text: string; params: (string | number)[] } => ({
      text: 'INSERT INTO t (id, data) VALUES (?1, ?2)',
      params: [index, 'x'.repeat(60_000)],
    })
    const full = await untilFull((index) => driver.batch([insert(index * 2), insert(index * 2 + 1)]))
    expectFull(full)
    const count = async (): Promise<unknown> =>
      (await driver.query({ text: 'SELECT count(*) FROM t', params: [] })).rows[0]?.[0]
    expect(await count()).toBe(full.written * 2)
    const transaction = await driver.begin?.()
    const error = await (async () => {
      for (let index = 0; index < 100; index++) await transaction?.query(insert(1000 + index))
      await transaction?.commit()
    })().catch((thrown: unknown) => thrown)
    expect((await failure(Promise.reject(error), 'Unavailable')).message).toContain('disk is full')
    await transaction?.rollback()
    expect(await count()).toBe(full.written * 2)
    rmSync(filler)
    await driver.batch([insert(5000)])
    expect(await count()).toBe(full.written * 2 + 1)
  })

  it('a queue on SQLite refuses the send, and gives out what was sent before', async () => {
    const driver = opened(await queue({}, context(declareQueue())))
    const full = await untilFull((index) =>
      driver.send([
        {
          id: `message ${index}`,
          contentType: 'json',
          body: JSON.stringify('x'.repeat(60_000)),
          delaySeconds: 0,
        },
      ]),
    )
    expectFull(full)
    rmSync(filler)
    const received = await driver.receive?.({
      max: 100,
      leaseSeconds: 30,
      waitSeconds: 0,
      signal: new AbortController().signal,
    })
    expect(received?.map(({ id }) => id)).toEqual(
      Array.from({ length: full.written }, (_, index) => `message ${index}`),
    )
  })

  it('blobs in files: nothing is stored of the put that failed, and the old blob stays', async () => {
    const driver = opened(await blob({}, context()))
    const metadata = { httpMetadata: {}, customMetadata: {} }
    const put = (key: string, size: number): Promise<unknown> => driver.put(key, pattern(size), metadata)
    const full = await untilFull((index) => put(index === 0 ? 'kept' : `blob ${index}`, 100_000))
    expectFull(full)
    await failure(put('kept', 2_000_000), 'Unavailable')
    expect((await driver.head('kept'))?.size).toBe(100_000)
    expect(await driver.head(`blob ${full.written}`)).toBeNull()
    rmSync(filler)
    await put('kept', 200_000)
    expect((await driver.head('kept'))?.size).toBe(200_000)
  })
})
