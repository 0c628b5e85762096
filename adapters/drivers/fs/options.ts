import type { DriverOptionTables, OptionTable } from '../../../core/option-table.ts'

/**
 * Options of the fs driver.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { photos: { driver: 'fs', path: '/srv/photos', durable: true } },
 * })
 * ```
 */
export interface FsOptions {
  /**
   * Folder of the blobs, absolute or relative to the data folder. Default: `APP/blob-NAME`. Several processes
   * may share the folder; it must be on a local file system.
   */
  path?: string
  /**
   * If true, a blob put is flushed to the disk before it is answered, so that it survives a power cut.
   * Default: true.
   */
  durable?: boolean
}

export const fsOptions = { path: 'string', durable: 'boolean' } satisfies OptionTable<FsOptions>

export const options = { blob: fsOptions } satisfies DriverOptionTables
