/**
 * The facts that a server knows about the alarms of Durable Objects: the cron that fires them, and the
 * database that says when the next alarm is due. With them, the server need not start an isolate to find out.
 */
import type { ObjectsDriver } from '../bindings/drivers.ts'

/** Name of the cron that fires due alarms in a Worker with Durable Objects. The app does not declare it. */
export const OBJECT_ALARMS = 'objectAlarms'
/** Name of the database that records which Durable Objects have alarms. */
export const ALARM_INDEX = 'alarms'

/**
 * Due times of Durable Objects' alarms in milliseconds since 1970; a field is undefined if there is no such
 * alarm.
 */
export interface AlarmTimes {
  /** The earliest alarm of a Durable Object, which may already be overdue. */
  first: number | undefined
  /** The earliest alarm of a Durable Object after `now`. */
  next: number | undefined
}

/** Reads from the Worker's index when alarms of Durable Objects are due. It does not create the database. */
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
