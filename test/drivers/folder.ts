import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { driverContext, type Harness } from './contracts/harness.ts'

/** Drivers over files in a fresh folder. */
export async function folderHarness<Driver extends { close?(): Promise<void> | void }>(
  create: (options: Record<string, never>, context: DriverContext) => Driver | Promise<Driver>,
): Promise<Harness<Driver> & { dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-drivers-'))
  const opened: Driver[] = []
  return {
    dataDir,
    async open(options = {}) {
      const driver = await create({}, driverContext(options, { dataDir }))
      opened.push(driver)
      return driver
    },
    async dispose() {
      for (const driver of opened) await driver.close?.()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}
