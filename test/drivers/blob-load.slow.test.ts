/** Blobs of 100 MiB on every driver: only about the amount, so not in `npm test`. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe } from 'vitest'
import { blob as onFiles } from '../../adapters/drivers/fs/index.ts'
import { blob as inMemory } from '../../adapters/drivers/memory/index.ts'
import { blob as onPostgres, type PostgresBlobOptions } from '../../adapters/drivers/postgres/index.ts'
import { blob as onS3 } from '../../adapters/drivers/s3/index.ts'
import type { BlobDriver } from '../../core/bindings/drivers.ts'
import { blobCases } from '../../core/tools/conformance/drivers/blob.ts'
import { awsHarness, awsServers, S3_SERVERS } from './aws-servers.ts'
import { createHarness, driverContext } from './contracts/harness.ts'
import { runLoadCases } from './contracts/run.ts'
import { folderHarness } from './folder.ts'
import { admin, postgresAnswers, postgresHarness } from './postgres-server.ts'

runLoadCases(
  'blob driver memory',
  blobCases(async () => {
    const prefix = randomUUID()
    return createHarness((options) => inMemory({ prefix }, driverContext(options)))
  }),
)
runLoadCases(
  'blob driver fs',
  blobCases(() => folderHarness((options, context) => onFiles(options, context))),
)

describe.each(S3_SERVERS)('s3 over %s', (s3) => {
  const servers = awsServers({ s3, drivers: { files: { driver: 's3' } } })
  runLoadCases(
    `blob driver s3 over ${s3}`,
    blobCases(async () => awsHarness(servers, (context) => onS3({}, context))),
  )
})

const answers = await postgresAnswers('postgres blobs of 100 MiB')
describe.skipIf(!answers)('postgres', () => {
  const servers = awsServers({ s3: 'fauxqs', drivers: { files: { driver: 's3' } } })
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'unmoor-blobs-'))
  })
  afterAll(async () => {
    await rm(folder, { recursive: true, force: true })
    await admin.end()
  })
  const places: [string, () => NonNullable<PostgresBlobOptions['bytes']>][] = [
    ['files', () => ({ driver: 'fs', path: join(folder, randomUUID()) })],
    ['S3', () => ({ driver: 's3', prefix: `${randomUUID()}/` })],
  ]
  for (const [name, bytes] of places) {
    const create = async (): Promise<ReturnType<typeof postgresHarness<BlobDriver>>> => {
      const place = bytes()
      return postgresHarness<BlobDriver>((options, context) =>
        onPostgres(
          { ...options, bytes: place },
          { ...context, variable: (variable) => servers.variables()[variable] },
        ),
      )
    }
    runLoadCases(`blob driver postgres with ${name}`, blobCases(create))
  }
})
