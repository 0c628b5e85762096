import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { sql } from '../../adapters/drivers/sqlite/index.ts'
import { DiskQuota } from '../../adapters/isolate/host/worker/disk-quota.ts'
import type { DriverContext, SqlDriver } from '../../core/bindings/drivers.ts'

it('a database that was closed is not looked at any more', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-quota-'))
  try {
    const context = {
      app: 'test',
      binding: 'db',
      dataDir: folder,
      variable: () => undefined,
    } as unknown as DriverContext
    const quota = new DiskQuota({ folder, maxMb: 10, onHit() {} })
    const open = async (): Promise<SqlDriver> => quota.hold(await sql({}, context), 'sql', 'sqlite')
    const first = await open()
    await first.close?.()
    const second = await open()
    expect((await second.query({ text: 'SELECT 1', params: [] })).rows).toEqual([[1]])
    await second.close?.()
  } finally {
    await rm(folder, { recursive: true })
  }
})
