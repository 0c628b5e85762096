import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { type Closable, createHarness, driverContext, type Harness } from './contracts/harness.ts'

/** Drivers over files in a fresh folder. */
export async function folderHarness<Driver extends Closable>(
  create: (options: Record<string, never>, context: DriverContext) => Driver | Promise<Driver>,
): Promise<Harness<Driver> & { dataDir: string }> {
  const dataDir = await mkdtemp(join(tmpdir(), 'unmoor-drivers-'))
  const remove = (): Promise<void> => rm(dataDir, { recursive: true, force: true })
  return { dataDir, ...createHarness((options) => create({}, driverContext(options, { dataDir })), remove) }
}
