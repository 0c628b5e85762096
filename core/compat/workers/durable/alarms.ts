import { ALARM_INDEX as INDEX } from '../../../runtime/object-alarms.ts'
import { objects, type ObjectStore } from './store.ts'

// An object's own database is what counts; the index tells where to look.
const RETRIES = 6
const FIRST_RETRY = 2000
/** Handlers that run at once; further alarms wait for one of them to end. */
const MOST = 1000

let indexed = false
let timer: ReturnType<typeof setTimeout> | undefined
let timerAt = Infinity
let ring:
  | ((object: string, info: { retryCount: number; isRetry: boolean; scheduledTime: number }) => Promise<void>)
  | undefined
const ringing = new Set<string>()

/** What rings an object; the namespaces know how. */
export function onAlarm(handler: NonNullable<typeof ring>): void {
  ring = handler
}

function index(text: string, params: readonly (string | number)[] = []): unknown[][] {
  if (!indexed) {
    objects().query(
      INDEX,
      'CREATE TABLE IF NOT EXISTS alarms (object TEXT PRIMARY KEY, time INTEGER NOT NULL, retries ' +
        'INTEGER NOT NULL) WITHOUT ROWID',
      [],
    )
    objects().query(INDEX, 'CREATE INDEX IF NOT EXISTS alarms_time ON alarms (time)', [])
    indexed = true
  }
  return objects().query(INDEX, text, params).rows
}

/** Sets an object's alarm, or takes it away. */
export function scheduleAlarm(store: ObjectStore, time: number | null): void {
  store.onUndone = () => restoreAlarm(store)
  if (time === null) {
    store.write("DELETE FROM _cf_METADATA WHERE key = 'alarm'")
    index('DELETE FROM alarms WHERE object = ?1', [store.name])
    return
  }
  store.write(
    "INSERT INTO _cf_METADATA (key, value) VALUES ('alarm', ?1) ON CONFLICT (key) DO UPDATE SET value = " +
      'excluded.value',
    [time],
  )
  index(
    'INSERT INTO alarms (object, time, retries) VALUES (?1, ?2, 0) ON CONFLICT (object) DO UPDATE SET ' +
      'time = excluded.time, retries = 0',
    [store.name, time],
  )
  arm(time)
}

/** Makes the index say what the object's own database does, after writes were undone. */
function restoreAlarm(store: ObjectStore): void {
  const time = ownAlarm(store.name)
  if (time === undefined) index('DELETE FROM alarms WHERE object = ?1', [store.name])
  else {
    index('INSERT INTO alarms (object, time, retries) VALUES (?1, ?2, 0) ON CONFLICT (object) DO NOTHING', [
      store.name,
      time,
    ])
    index('UPDATE alarms SET time = ?2 WHERE object = ?1', [store.name, time])
    arm(time)
  }
}

function ownAlarm(object: string): number | undefined {
  return objects().query(object, "SELECT value FROM _cf_METADATA WHERE key = 'alarm'", []).rows[0]?.[0] as
    | number
    | undefined
}

function arm(time: number): void {
  if (time >= timerAt) return
  if (timer !== undefined) clearTimeout(timer)
  timerAt = time
  // A timer that is far away would overflow; the server's clock looks again every minute.
  timer = setTimeout(
    () => {
      timerAt = Infinity
      void ringDue()
    },
    Math.min(Math.max(time - Date.now(), 0), 60_000),
  )
}

/**
 * Rings every object whose alarm is due, and waits for them. A server's alarm clock does so too, at its start
 * and at least once a minute while something is due, so that alarms of an earlier process ring.
 */
export async function ringDue(): Promise<void> {
  const room = MOST - ringing.size
  // Alarms that are ringing are still in the index, so that they ring again after a crash.
  const due = index('SELECT object, retries FROM alarms WHERE time <= ?1 ORDER BY time LIMIT ?2', [
    Date.now(),
    MOST,
  ]) as [string, number][]
  const rung = due
    .filter(([object]) => !ringing.has(object))
    .slice(0, room)
    .map(([object, retries]) => ringOne(object, retries))
  armNext()
  await Promise.all(rung)
}

/** Sets the timer for the first alarm that does not ring already. */
function armNext(): void {
  // With no room the end of a handler looks again.
  if (ringing.size >= MOST) return
  const first = index('SELECT object, time FROM alarms ORDER BY time LIMIT ?1', [ringing.size + 1]) as [
    string,
    number,
  ][]
  const next = first.find(([object]) => !ringing.has(object))
  if (next !== undefined) arm(next[1])
}

async function ringOne(object: string, retries: number): Promise<void> {
  ringing.add(object)
  const own = (): number | undefined => ownAlarm(object)
  try {
    const scheduled = own()
    if (scheduled === undefined || scheduled > Date.now()) {
      // The object has said something else since.
      if (scheduled === undefined) index('DELETE FROM alarms WHERE object = ?1', [object])
      else index('UPDATE alarms SET time = ?2 WHERE object = ?1', [object, scheduled])
      return
    }
    // While the handler runs there is no alarm; one that it sets is a new one.
    objects().query(object, "DELETE FROM _cf_METADATA WHERE key = 'alarm'", [])
    try {
      await ring?.(object, { retryCount: retries, isRetry: retries > 0, scheduledTime: scheduled })
      if (own() === undefined) index('DELETE FROM alarms WHERE object = ?1', [object])
    } catch (error) {
      console.error(`The alarm of the Durable Object ${object} failed:`, error)
      if (own() === undefined) retry(object, retries)
    }
  } finally {
    ringing.delete(object)
    armNext()
  }
}

function retry(object: string, retries: number): void {
  if (retries >= RETRIES) {
    console.error(`The alarm of the Durable Object ${object} failed ${retries + 1} times and is given up.`)
    index('DELETE FROM alarms WHERE object = ?1', [object])
    return
  }
  const time = Date.now() + FIRST_RETRY * 2 ** retries
  objects().query(
    object,
    "INSERT INTO _cf_METADATA (key, value) VALUES ('alarm', ?1) ON CONFLICT (key) DO UPDATE SET value = " +
      'excluded.value',
    [time],
  )
  index('UPDATE alarms SET time = ?2, retries = ?3 WHERE object = ?1', [object, time, retries + 1])
  arm(time)
}
