import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { blob, type PostgresBlobOptions } from '../../adapters/drivers/postgres/index.ts'
import type { BlobDriver } from '../../core/bindings/drivers.ts'
import { PATIENCE } from '../patience.ts'
import { awsServers } from './aws-servers.ts'
import { blobContract } from './contracts/blob.ts'
import { driverContext, failure, type Harness, pattern } from './contracts/harness.ts'
import { admin, postgresAnswers, postgresDetour, postgresHarness, URL_OF_SERVER } from './postgres-server.ts'

const answers = await postgresAnswers('postgres blob driver')
const none = { httpMetadata: {}, customMetadata: {} }
const text = async (driver: BlobDriver, key: string): Promise<string> =>
  new Response((await driver.get(key, {}))?.body).text()

async function filesIn(folder: string): Promise<string[]> {
  return (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ name }) => name)
}

describe.skipIf(!answers)('postgres blob driver', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unmoor-blobs-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    await admin.end()
  })

  let number = 0
  const bytesIn = (): string => join(folder, `case-${++number}`)

  blobContract('postgres with files', async () => {
    const path = bytesIn()
    return postgresHarness<BlobDriver>((options, context) =>
      blob({ ...options, bytes: { driver: 'fs', path } }, context),
    )
  })

  describe('with S3', () => {
    const servers = awsServers({ s3: 'fauxqs', drivers: { files: { driver: 's3' } } })
    blobContract('postgres with S3', async () => {
      const prefix = `case-${++number}/`
      return postgresHarness<BlobDriver>((options, context) =>
        blob(
          { ...options, bytes: { driver: 's3', prefix } },
          { ...context, variable: (name) => servers.variables()[name] },
        ),
      )
    })
  })

  describe('crashes', () => {
    let harness: Harness<BlobDriver> & { schema: string }
    let path: string
    let options: PostgresBlobOptions
    beforeEach(() => {
      path = bytesIn()
      harness = postgresHarness<BlobDriver>((given, context) =>
        blob({ ...given, bytes: { driver: 'fs', path } }, context),
      )
      options = { url: URL_OF_SERVER, schema: harness.schema, max: 2, bytes: { driver: 'fs', path } }
    })
    afterEach(() => harness.dispose())

    const child = fileURLToPath(new URL('./postgres-blob-child.ts', import.meta.url))
    /** Ends a process that puts with -9, at the given message. */
    const killAt = async (how: string, messages: number): Promise<number> => {
      const process = fork(child, [JSON.stringify(options), how], {
        execArgv: ['--no-warnings', '--import', new URL('../built-hooks.ts', import.meta.url).href],
      })
      let last = 0
      let seen = 0
      await new Promise<void>((resolve) => {
        process.on('message', (message) => {
          last = Number(message)
          if (++seen === messages) resolve()
        })
      })
      process.kill('SIGKILL')
      await once(process, 'exit')
      return last
    }
    /** As if the two minutes were over. */
    const later = (): Promise<unknown> =>
      admin.unsafe(
        `UPDATE ${harness.schema}.unmoor_blobs_loose SET alive_until = now() - interval '1 second'`,
      )

    it('what a killed put left is not seen, and is removed once it is not alive any more', async () => {
      await killAt('half', 5)
      const driver = await harness.open()
      expect(await driver.head('half')).toBeNull()
      expect((await filesIn(path)).length).toBe(1)
      await later()
      await driver.put('other', new Uint8Array([1]), none)
      await expect.poll(() => filesIn(path), PATIENCE).toHaveLength(1)
      await expect
        .poll(() => admin.unsafe(`SELECT * FROM ${harness.schema}.unmoor_blobs_loose`), PATIENCE)
        .toHaveLength(0)
      expect(await text(driver, 'other')).toBe('\u0001')
    })

    it('a put that was acknowledged is there whole after a kill at any time', async () => {
      for (let round = 0; round < 3; round++) {
        const acknowledged = await killAt('count', 3 + round * 4)
        const driver = await harness.open()
        const [count, ...rest] = (await text(driver, 'counted')).trimEnd().split(' ')
        expect(Number(count)).toBeGreaterThanOrEqual(acknowledged)
        expect(rest.length).toBe(999)
        await later()
        await driver.put('other', new Uint8Array([1]), none)
        await expect.poll(() => filesIn(path), PATIENCE).toHaveLength(2)
        await driver.close?.()
      }
    })

    it('a put that was taken for dead fails rather than name bytes that are gone', async () => {
      const driver = await harness.open()
      await driver.put('a', new Uint8Array([1]), none)
      const slow = driver.put(
        'a',
        new ReadableStream({
          async start(controller) {
            await expect
              .poll(() => admin.unsafe(`SELECT * FROM ${harness.schema}.unmoor_blobs_loose`), PATIENCE)
              .toHaveLength(1)
            await later()
            const other = await harness.open({})
            await other.put('b', new Uint8Array([2]), none)
            await expect
              .poll(() => admin.unsafe(`SELECT * FROM ${harness.schema}.unmoor_blobs_loose`), PATIENCE)
              .toHaveLength(0)
            controller.enqueue(pattern(10))
            controller.close()
          },
        }),
        none,
      )
      expect((await failure(slow, 'Unavailable')).message).toContain('took too long')
      expect(await text(driver, 'a')).toBe('\u0001')
    })

    it('a database that is away is Unavailable, and used again when it is back', async () => {
      const detour = await postgresDetour()
      const driver = await blob({ ...options, url: detour.url }, driverContext({}))
      await driver.put('a', new Uint8Array([1]), none)
      await detour.cut()
      const error = await failure(driver.put('a', new Uint8Array([2]), none), 'Unavailable')
      expect(error.retryable).toBe(true)
      await failure(driver.head('a'), 'Unavailable')
      await detour.restore()
      expect(await text(driver, 'a')).toBe('\u0001')
      await driver.put('a', new Uint8Array([3]), none)
      expect(await text(driver, 'a')).toBe('\u0003')
      await driver.close?.()
      await detour.close()
    })
  })

  it('names the option where the bytes have no place', async () => {
    await expect(
      blob({ url: URL_OF_SERVER, bytes: { driver: 'ftp' } as never }, driverContext({})),
    ).rejects.toMatchObject({ code: 'InvalidArgument' })
    await expect(blob({ url: URL_OF_SERVER }, driverContext({}))).rejects.toMatchObject({
      code: 'InvalidArgument',
    })
  })
})
