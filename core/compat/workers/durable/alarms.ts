import { ALARM_INDEX as INDEX } from '../../../runtime/object-alarms.ts'
import { objects, type ObjectStore } from './store.ts'

// Alarms of Durable Objects: an object's own database is the source of truth; an index table lists the
// objects with alarms.
const RETRIES = 6
const FIRST_RETRY = 2000
/** Largest number of Durable Objects' alarm handlers that run at once; further alarms wait for one to end. */
const MOST = 1000

let indexed = false
let timer: ReturnType<typeof setTimeout> | undefined
let timerAt = Infinity
let ring:
  | ((object: string, info: { retryCount: number; isRetry: boolean; scheduledTime: number }) => Promise<void>)
  | undefined
const ringing = new Set<string>()

/** Sets the function that runs the alarm handler of a Durable Object; the namespaces provide it. */
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

/** Sets the alarm of a Durable Object, or deletes it if `time` is null. */
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

/**
 * Restores a Durable Object's entry in the alarm index from its own database, after writes were rolled back.
 */
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
  // The timer of Durable Object alarms runs at most a minute: a distant time would overflow it, and the
  // server's alarm clock looks again every minute.
  timer = setTimeout(
    () => {
      timerAt = Infinity
      void ringDue()
    },
    Math.min(Math.max(time - Date.now(), 0), 60_000),
  )
}

/**
 * Runs the alarm handler of every Durable Object whose alarm is due, and waits for them. A server's alarm
 * clock also calls it at start, and at least once a minute while an alarm is due, so that alarms of an
 * earlier process run.
 */
export async function ringDue(): Promise<void> {
  const room = MOST - ringing.size
  // Durable Object alarms whose handler is running stay in the index, so that they run again after a crash.
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

/** Sets the timer for the earliest Durable Object alarm whose handler is not already running. */
function armNext(): void {
  // The timer of Durable Object alarms is not set while the most handlers run; the next to end sets it.
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
      // The Durable Object has deleted or moved its alarm since the index was read.
      if (scheduled === undefined) index('DELETE FROM alarms WHERE object = ?1', [object])
      else index('UPDATE alarms SET time = ?2 WHERE object = ?1', [object, scheduled])
      return
    }
    // A Durable Object's alarm is deleted before its handler runs; an alarm that the handler sets is a new
    // one.
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
