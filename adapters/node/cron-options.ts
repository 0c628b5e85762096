import { isAbsolute, resolve } from 'node:path'
import type { BuildContext, DriverSpec } from '../../core/adapter.ts'

/** The part of a target's options that is about crons. */
export interface CronOptions {
  /**
   * Where the replicas of the app agree on who runs a cron: `sqlite`, `postgres`, `redis`, `memory`, or the module of another store; with options of its own, such as
   * `{ driver: 'postgres', url: { env: 'CRONS_URL' } }`. Default: `sqlite`, a file in the data folder: right for all processes of one machine.
   */
  cronStore?: string | DriverSpec
  /** Seconds until a replica that died loses its claim to another one. A replica that lives extends it. Default: 60. */
  cronLeaseSeconds?: number
  /** Times that passed while no replica ran: `skip` leaves them out, `once` runs the latest of each cron at the next start. Default: `skip`. */
  cronMissed?: 'skip' | 'once'
  /**
   * Whether a cron whose last run still works, or waits for its retry, runs again at its next time (`allow`), or leaves that time out (`skip`). Default: `allow`.
   */
  cronOverlap?: 'allow' | 'skip'
}

/** What each of these options takes, in words, and whether a value is one. */
export const CRON_CHECKS: Readonly<Record<keyof CronOptions, { wants: string; holds(value: unknown): boolean }>> = {
  cronStore: { wants: 'a store\'s name or { driver: "postgres", ...options }', holds: isSpec },
  cronLeaseSeconds: { wants: 'a number of seconds from 1 to 3,600', holds: (value) => typeof value === 'number' && value >= 1 && value <= 3600 },
  cronMissed: { wants: '"skip" or "once"', holds: (value) => value === 'skip' || value === 'once' },
  cronOverlap: { wants: '"allow" or "skip"', holds: (value) => value === 'allow' || value === 'skip' },
}

function isSpec(value: unknown): boolean {
  const driver: unknown = typeof value === 'object' && value !== null ? (value as { driver?: unknown }).driver : value
  return typeof driver === 'string' && driver !== ''
}

const BUILT_IN = ['sqlite', 'postgres', 'redis', 'memory']

/** The import of an app's cron store, and the source of its `BoundCronStore`; nothing for an app without crons. */
export function cronStoreImport(context: BuildContext, { cronStore = 'sqlite' }: CronOptions): { imports: string; object: string } {
  if (Object.keys(context.manifest.crons).length === 0) return { imports: '', object: 'undefined' }
  const spec = typeof cronStore === 'string' ? { driver: cronStore } : cronStore
  const { driver } = spec
  const path = driver.startsWith('.') || isAbsolute(driver) ? resolve(context.projectDir, driver) : driver
  const module = BUILT_IN.includes(driver) ? `unmoor/internal/cron-stores/${driver}` : path
  return { imports: `import { cronStore } from ${JSON.stringify(module)}`, object: `{ create: cronStore, options: ${JSON.stringify(spec)} }` }
}
