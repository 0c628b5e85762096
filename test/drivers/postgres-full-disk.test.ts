import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kv, queue, sql } from '../../adapters/drivers/postgres/index.ts'
import { queue as declareQueue } from '../../core/bindings/declarations.ts'
import type { UnmoorError } from '../../core/errors.ts'
import { driverContext, failure } from './contracts/harness.ts'
import { admin, postgresAnswers, uniqueName, URL_OF_SERVER } from './postgres-server.ts'

/** Mebibytes: a new database takes about eight of them, the reserve four. */
const SIZE = 24

const name = uniqueName()

/**
 * A disk of the server's, as memory; undefined where this user may not mount one, or where the server runs
 * elsewhere (in a container, say).
 */
async function mountForServer(): Promise<string | undefined> {
  const folder = mkdtempSync(join(tmpdir(), 'unmoor-postgres-disk-'))
  try {
    execFileSync(
      'mount',
      ['-t', 'tmpfs', '-o', `size=${SIZE}m,uid=postgres,gid=postgres,mode=700`, 'tmpfs', folder],
      { stdio: 'ignore' },
    )
    await admin.unsafe(`CREATE TABLESPACE ${name} LOCATION '${folder}'`)
    return folder
  } catch {
    remove(folder)
    console.warn(
      'full disk of Postgres: skipped, the server cannot use a tmpfs mounted here. Run the tests as root, beside a server of user postgres.',
    )
    return undefined
  }
}

function remove(folder: string): void {
  try {
    execFileSync('umount', [folder], { stdio: 'ignore' })
  } catch {
    // It was never mounted.
  }
  rmSync(folder, { recursive: true, force: true })
}

const disk = (await postgresAnswers('full disk of Postgres')) ? await mountForServer() : undefined

describe.skipIf(disk === undefined)('a full disk of Postgres', () => {
  const folder = disk ?? ''
  const url = new URL(URL_OF_SERVER)
  url.pathname = `/${name}`
  /** What makes room once it is gone. */
  const reserve = join(folder, 'reserve')
  const closing: { close?(): Promise<void> | void }[] = []
  const opened = <Driver extends { close?(): Promise<void> | void }>(driver: Driver): Driver => {
    closing.push(driver)
    return driver
  }
  beforeAll(async () => {
    writeFileSync(reserve, new Uint8Array(4 * 1024 * 1024))
    await admin.unsafe(`CREATE DATABASE ${name} TEMPLATE template0 TABLESPACE ${name}`)
  })
  afterAll(async () => {
    for (const driver of closing) await driver.close?.()
    await admin.unsafe(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
    await admin.unsafe(`DROP TABLESPACE IF EXISTS ${name}`)
    remove(folder)
  })

  /** Writes until the disk is full; returns how many writes were answered, and the error. */
  async function untilFull(
    write: (index: number) => Promise<unknown>,
  ): Promise<{ written: number; error: UnmoorError }> {
    for (let index = 0; index < SIZE * 2; index++) {
      const error = await write(index).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      if (error !== undefined)
        return { written: index, error: await failure(Promise.reject(error), 'Unavailable') }
    }
    throw new Error('The disk never got full.')
  }
  const text = (): string => Array.from({ length: 40_000 }, () => randomUUID()).join('')

  it('is named, not retried, keeps what was answered, and goes on when there is room', async () => {
    const store = opened(await kv({ url: url.href }, driverContext({})))
    const jobs = opened(await queue({ url: url.href }, driverContext({ declaration: declareQueue() })))
    const send = (index: number): Promise<unknown> =>
      jobs.send([
        {
          id: `message ${index}`,
          contentType: 'json',
          body: JSON.stringify('x'.repeat(100_000)),
          delaySeconds: 0,
        },
      ])
    await send(0)
    const database = opened(await sql({ url: url.href }, driverContext({})))
    await database.query({ text: 'CREATE TABLE filler (data TEXT)', params: [] })
    const full = await untilFull((index) => store.put(`key ${index}`, text(), {}))
    expect(full.written).toBeGreaterThan(2)
    expect([full.error.retryable, full.error.mayHaveApplied]).toEqual([false, false])
    expect(full.error.message).toContain('disk is full')
    for (let index = 0; index < full.written; index++)
      expect((await store.get(`key ${index}`, 'text'))?.value).toHaveLength(36 * 40_000)
    expect(await store.get(`key ${full.written}`, 'text')).toBeNull()

    const refused = await failure(
      database.batch([{ text: 'INSERT INTO filler (data) VALUES ($1)', params: [text()] }]),
      'Unavailable',
    )
    expect(refused.message).toContain('disk is full')
    expect((await database.query({ text: 'SELECT count(*) FROM filler', params: [] })).rows).toEqual([[0]])

    rmSync(reserve)
    await store.put('room', 'again', {})
    expect((await store.get('room', 'text'))?.value).toBe('again')
    await send(1)
    const received = await jobs.receive?.({
      max: 10,
      leaseSeconds: 30,
      waitSeconds: 0,
      signal: new AbortController().signal,
    })
    expect(received?.map(({ id }) => id).sort()).toEqual(['message 0', 'message 1'])
  })
})
