import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { type AnyDeclaration, blob, kv } from '../../core/bindings/declarations.ts'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { type LocalAws, startLocalAws } from '../../adapters/lambda/local/services/index.ts'
import { driverContext, type Harness } from './contracts/harness.ts'

/** The servers that stand in for S3 here: moto only where it is installed. */
export const S3_SERVERS: readonly ('fauxqs' | 'moto')[] = (process.env['PATH'] ?? '')
  .split(delimiter)
  .some((folder) => existsSync(join(folder, 'moto_server')))
  ? ['fauxqs', 'moto']
  : ['fauxqs']

/** The local AWS-protocol servers for the tests of one file: dynalite, and fauxqs or moto for S3. */
export function awsServers(
  options: {
    s3?: 'fauxqs' | 'moto'
    bindings?: Record<string, AnyDeclaration>
    drivers?: Record<string, { driver: string }>
  } = {},
): {
  variables(): Readonly<Record<string, string>>
} {
  let local: LocalAws | undefined
  beforeAll(async () => {
    const before = process.env['UNMOOR_LOCAL_S3']
    process.env['UNMOOR_LOCAL_S3'] = options.s3 ?? 'fauxqs'
    local = await startLocalAws({
      manifest: {
        version: 1,
        name: 'tests',
        bindings: options.bindings ?? { things: kv(), files: blob() },
        fetch: false,
        queues: [],
        crons: {},
      },
      drivers: options.drivers ?? { things: { driver: 'dynamodb' }, files: { driver: 's3' } },
      variables: {},
      visibilityTimeout: 2,
      log: { info() {}, warn() {} },
    }).finally(() => {
      if (before === undefined) delete process.env['UNMOOR_LOCAL_S3']
      else process.env['UNMOOR_LOCAL_S3'] = before
    })
  })
  afterAll(() => local?.stop())
  return { variables: () => local?.variables ?? {} }
}

let spaces = 0

/** Drivers over a part of the servers that no other harness uses: apps keep apart by name. */
export function awsHarness<Driver extends { close?(): Promise<void> | void }>(
  servers: { variables(): Readonly<Record<string, string>> },
  create: (context: DriverContext) => Driver | Promise<Driver>,
  without: readonly string[] = [],
): Harness<Driver> {
  const space = `${++spaces}`
  return {
    open: async (options = {}) =>
      create(
        driverContext(
          { ...options, app: `${options.app ?? 'test'}-${space}` },
          { variable: (name) => (without.includes(name) ? undefined : servers.variables()[name]) },
        ),
      ),
    dispose: async () => {},
  }
}
