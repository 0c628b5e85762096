import { readInfo } from './artifact.ts'
import type { AppRecord } from './app-record.ts'
import type { DriverDefaults } from './driver-defaults.ts'

/** Drivers that keep data in the files or the memory of one host. */
const OF_ONE_HOST: ReadonlySet<string> = new Set(['sqlite', 'fs', 'memory'])

/**
 * Kinds of binding that need no shared data: an app's Durable Objects have one owner, and caches are local
 * everywhere.
 */
const NOT_DATA: ReadonlySet<string> = new Set(['objects', 'cache', 'variable', 'service', 'assets', 'secret'])

/**
 * Returns a warning for each binding whose data is not shared by the hosts of a store. Durable Objects are
 * left out, as one host owns them.
 */
export async function unsharedLines(
  { name, dir, settings }: AppRecord,
  defaults: DriverDefaults,
): Promise<string[]> {
  const info = await readInfo(dir)
  return Object.entries(info.manifest.bindings).flatMap(([binding, { kind }]) => {
    if (NOT_DATA.has(kind)) return []
    const own = settings.drivers?.[binding]
    const shared = defaults[kind as keyof DriverDefaults]
    const driver =
      (typeof own === 'string' ? own : own?.driver) ?? shared?.driver ?? info.drivers[binding]?.driver
    return driver !== undefined && OF_ONE_HOST.has(driver)
      ? [
          `WARNING: "${name}": ${kind} "${binding}" is kept by "${driver}" on this host alone. The other ` +
            'hosts of the store have data of their own under that name. Name a server: ' +
            `"drivers": { "${kind}": ... }`,
        ]
      : []
  })
}
