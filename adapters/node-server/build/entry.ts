import type { BuildContext } from '../../../core/adapter.ts'
import type { ServerOptions } from '../options.ts'
import { cronStoreImport } from './cron-store.ts'

/** Parts in which the generated entries of the targets `node` and `isolate` differ. */
export interface EntryParts {
  /** Public name of the target's module that exports `serve`. */
  runtime: string
  /**
   * Import statements to add to the generated entry after those of the run-time half and the drivers.
   * Default: none.
   */
  imports?: readonly string[]
  /** Source code of the fields that tell `serve` which app to run. */
  app: readonly string[]
  options: ServerOptions
  /** Fields to add to those that `serve` receives. Default: none. */
  more?: readonly string[]
}

/**
 * Returns the source of a generated `server.mjs` entry. The entry imports the run-time half first, because
 * that installs unmoor's Response and Request before the app's modules run.
 */
export function serverEntry(
  context: BuildContext,
  { runtime, imports = [], app, options, more = [] }: EntryParts,
): string {
  const drivers = context.driverImports()
  const cronStore = cronStoreImport(context, options)
  const hasSockets = Object.values(context.manifest.bindings).some(({ kind }) => kind === 'sockets')
  return [
    `import { serve } from '${runtime}'`,
    ...(context.testChannel ? [`import { testChannel } from 'unmoor/test-channel'`] : []),
    ...(hasSockets ? [`import { createSocketServer } from 'unmoor/internal/node/sockets'`] : []),
    drivers.imports,
    cronStore.imports,
    ...imports,
    `await serve({`,
    ...app.map((field) => `  ${field},`),
    `  drivers: ${drivers.object},`,
    `  cronStore: ${cronStore.object},`,
    `  migrations: ${JSON.stringify(context.migrations)},`,
    `  options: ${JSON.stringify(options)},`,
    ...(hasSockets ? [`  sockets: createSocketServer,`] : []),
    `  dir: import.meta.dirname,`,
    ...(context.testChannel ? [`  testChannel,`] : []),
    ...more.map((field) => `  ${field},`),
    `})`,
    ``,
  ].join('\n')
}
