import type { DriverOptionTables, OptionTable } from '../../../core/option-table.ts'

/**
 * Options of the files driver.
 *
 * @example
 * ```ts
 * import { defineConfig } from 'unmoor'
 *
 * export default defineConfig({
 *   drivers: { files: { driver: 'files', directory: '/srv/www', notFound: 'none' } },
 * })
 * ```
 */
export interface FilesOptions {
  /**
   * Folder of static assets to serve: absolute, or relative to the folder of the process's main module
   * (`process.argv[1]`), where a build puts it.
   */
  directory: string
  /** Answer to a request for a page that no static file matches. Default: the declaration's `notFound`. */
  notFound?: 'none' | 'single-page-application'
}

export const options = {
  assets: {
    directory: 'string',
    notFound: ['none', 'single-page-application'],
  } satisfies OptionTable<FilesOptions>,
} satisfies DriverOptionTables
