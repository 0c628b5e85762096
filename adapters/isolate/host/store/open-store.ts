import { join } from 'node:path'
import type { DriverSpec } from '../../../../core/adapter.ts'
import { BlobStore } from '../../../../core/bindings/blob.ts'
import { blob as declareBlob, sql as declareSql } from '../../../../core/bindings/declarations.ts'
import type {
  BlobDriver,
  DriverContext,
  DriverFactory,
  SqlDriver,
} from '../../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { loadModule } from '../driver-module.ts'
import { makeFolders } from './durable-files.ts'
import { DeployStore } from './deploy-store.ts'
import { KEY_VARIABLE, keptSecret, Seal } from './seal.ts'
import { makeTables } from './tables.ts'

/** Drivers of the store that keeps deploys. */
export interface StoreConfig {
  sql: DriverSpec
  blob: DriverSpec
}

const KEY_IS = 'the key of the stored settings, which cannot be read without it and have to be sent again'

/** Storage drivers whose data is on this machine only. */
const EMBEDDED: ReadonlySet<string> = new Set(['sqlite', 'fs', 'memory'])

/** Returns true if hosts on other machines may use the same deploy store. */
export function isSharedStore({ sql }: StoreConfig): boolean {
  return !EMBEDDED.has(sql.driver)
}

/**
 * Opens a host's deploy store, and creates its tables.
 *
 * @throws `InvalidArgument` for a store that other hosts may share if the key that all of them need is not
 * set.
 */
export async function openStore(config: StoreConfig, dataDir: string): Promise<DeployStore> {
  await makeFolders(dataDir)
  const shared = isSharedStore(config)
  const given = process.env[KEY_VARIABLE]
  if (shared && (given === undefined || given === '')) {
    throw new UnmoorError(
      'InvalidArgument',
      `The store of this host can be shared: set ${KEY_VARIABLE} to a secret that all its hosts have, ` +
        'such as the output of: openssl rand -base64 32',
      { operation: 'config' },
    )
  }
  const seal = new Seal(given || (await keptSecret(join(dataDir, 'settings.key'), KEY_IS)))
  const sql = (await create('sql', config.sql, { path: 'store/deploys.sqlite' }, dataDir)) as SqlDriver
  let blob: BlobDriver | undefined
  try {
    await makeTables(sql)
    blob = (await create('blob', config.blob, { path: 'store/files' }, dataDir)) as BlobDriver
  } catch (error) {
    await sql.close?.()
    throw error
  }
  const opened = blob
  return new DeployStore(sql, new BlobStore(opened, { binding: 'store' }), seal, async () => {
    await opened.close?.()
    await sql.close?.()
  })
}

async function create(
  kind: 'sql' | 'blob',
  spec: DriverSpec,
  embedded: { path: string },
  dataDir: string,
): Promise<SqlDriver | BlobDriver> {
  const { driver, ...options } = spec
  const factory = (await loadModule(driver, `store.${kind}`))[kind] as
    | DriverFactory<typeof kind, object>
    | undefined
  if (factory === undefined)
    throw new UnmoorError('Unsupported', `store.${kind}: the driver "${driver}" serves no ${kind}.`, {
      operation: 'config',
    })
  const context: DriverContext = {
    binding: `store.${kind}`,
    app: 'unmoor-host',
    declaration: kind === 'sql' ? declareSql() : declareBlob(),
    dataDir,
    variable: (name) => process.env[name],
    now: Date.now,
  }
  return factory(driver === 'sqlite' || driver === 'fs' ? { ...embedded, ...options } : options, context)
}
