import { isAbsolute, resolve } from 'node:path'
import type { BuildContext, DriverSpec } from '../../../core/adapter.ts'

const BUILT_IN = ['sqlite', 'postgres', 'redis', 'memory']

/**
 * Returns the import statement of an app's cron store and the source of its `BoundCronStore`; an empty import
 * and `undefined` for an app without crons.
 */
export function cronStoreImport(
  context: BuildContext,
  { cronStore = 'sqlite' }: { readonly cronStore?: string | DriverSpec },
): { imports: string; object: string } {
  if (Object.keys(context.manifest.crons).length === 0) return { imports: '', object: 'undefined' }
  const spec = typeof cronStore === 'string' ? { driver: cronStore } : cronStore
  const { driver } = spec
  const path = driver.startsWith('.') || isAbsolute(driver) ? resolve(context.projectDir, driver) : driver
  const module = BUILT_IN.includes(driver) ? `unmoor/internal/cron-stores/${driver}` : path
  return {
    imports: `import { cronStore } from ${JSON.stringify(module)}`,
    object: `{ create: cronStore, options: ${JSON.stringify(spec)} }`,
  }
}
