/**
 * What a server must know of the alarms of Durable Objects: which cron rings them, and where it is written
 * when the next one is due. So a server asks the database, and starts no isolate for nothing.
 */
import type { ObjectsDriver } from '../bindings/drivers.ts'

/** The cron of a Worker with Durable Objects that rings what is due; the app does not declare it. */
export const OBJECT_ALARMS = 'objectAlarms'
/** The database that says which objects have alarms. */
export const ALARM_INDEX = 'alarms'

/** Times of alarms, in milliseconds since 1970; undefined where there is none. */
export interface AlarmTimes {
  /** The first of all: it may have passed. */
  first: number | undefined
  /** The first one after `now`. */
  next: number | undefined
}

/** When alarms ring next, by the index that the Worker keeps. Makes no database. */
export function alarmTimes(driver: ObjectsDriver, now: number): AlarmTimes {
  const none = { first: undefined, next: undefined }
  if (driver.exists?.(ALARM_INDEX) === false) return none
  const { rows } = driver.query(ALARM_INDEX, "SELECT 1 FROM sqlite_schema WHERE name = 'alarms'", [])
  if (rows.length === 0) return none
  const [first = null, next = null] =
    driver.query(
      ALARM_INDEX,
      'SELECT (SELECT min(time) FROM alarms), (SELECT min(time) FROM alarms WHERE time > ?1)',
      [now],
    ).rows[0] ?? []
  return { first: asTime(first), next: asTime(next) }
}

function asTime(cell: unknown): number | undefined {
  return typeof cell === 'number' ? cell : undefined
}
