import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { sql } from '../../adapters/drivers/sqlite/index.ts'
import { DiskQuota } from '../../adapters/isolate/host/worker/disk-quota.ts'
import type { SqlDriver } from '../../core/bindings/drivers.ts'
import { driverContext } from '../drivers/contracts/harness.ts'

// An error of a look that nobody waits for ends the process that all apps share.
describe('a look at the folder', () => {
  let dataDir: string
  let quota: DiskQuota
  beforeEach(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'unmoor-quota-'))
    quota = new DiskQuota({ folder: dataDir, maxMb: 1, onHit() {} })
  })
  afterEach(() => rm(dataDir, { recursive: true, force: true }))
  const create = async (binding: string): Promise<SqlDriver> =>
    sql({}, { ...driverContext({}, { dataDir }), binding })

  it('passes over a database that was closed meanwhile', async () => {
    const first = await quota.hold(await create('first'), 'sql', 'sqlite')
    const second = await create('second')
    const looked = quota.hold(second, 'sql', 'sqlite')
    await first.close?.()
    expect(await looked).toBeDefined()
    await second.close?.()
  })

  it('passes over a database that was closed before', async () => {
    const first = await quota.hold(await create('first'), 'sql', 'sqlite')
    await first.close?.()
    const second = await quota.hold(await create('second'), 'sql', 'sqlite')
    expect((await second.query({ text: 'SELECT 1', params: [] })).rows).toEqual([[1]])
    await second.close?.()
  })
})
