import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sql } from '../../adapters/drivers/sqlite/index.ts'
import { DiskQuota } from '../../adapters/isolate/host/worker/disk-quota.ts'
import type { SqlDriver } from '../../core/bindings/drivers.ts'
import { driverContext } from '../drivers/contracts/harness.ts'

// An error of a look that nobody waits for ends the process that all apps share.
it('a look at the folder passes over a database that was closed meanwhile', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-quota-'))
  const create = async (binding: string): Promise<SqlDriver> =>
    sql({}, { ...driverContext({}, { dataDir }), binding })
  const quota = new DiskQuota({ folder: dataDir, maxMb: 1, onHit() {} })
  const first = await quota.hold(await create('first'), 'sql', 'sqlite')
  const second = await create('second')
  const looked = quota.hold(second, 'sql', 'sqlite')
  await first.close?.()
  expect(await looked).toBeDefined()
  await second.close?.()
  await rm(dataDir, { recursive: true, force: true })
})
