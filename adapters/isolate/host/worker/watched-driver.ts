import { isUnmoorError } from '../../../../core/errors.ts'
import type { ObjectsDriver, QueueDriver, SqlDriver } from '../../../../core/bindings/drivers.ts'

/** Receives the times of a driver's work on the process's main thread. */
export interface DriverWatch {
  /**
   * Called when a driver's work begins that a tenant can make arbitrarily long; a hung process is blamed on
   * it.
   */
  begin(): void
  /** Called when the driver's work has ended, with its duration in microseconds. */
  end(microseconds: number): void
  /** Resolves when the app's next driver call may run; undefined if it may run now. */
  turn(): Promise<void> | undefined
  /** Called when an SQL statement's result exceeded the size limit. */
  tooLarge(): void
}

/**
 * Wraps the driver of a database in this process. Its statements run on the thread that all tenants share and
 * cannot be interrupted, so their time is reported to `watch`.
 */
export function watchSql(driver: SqlDriver, watch: DriverWatch): SqlDriver {
  return watchMethods(driver, watch, runWatched(watch))
}

/** Wraps a driver whose methods all run on this thread, such as the SQLite kv. */
export function watchAll<T extends object>(driver: T, watch: DriverWatch): T {
  const run = runWatched(watch)
  return new Proxy(driver, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object)
      if (typeof value !== 'function' || name === 'close')
        return typeof value === 'function' ? (value.bind(object) as unknown) : value
      return (...args: unknown[]) => {
        const turn = watch.turn()
        const call = (): unknown => run(() => Reflect.apply(value, object, args) as unknown)
        return turn === undefined ? call() : turn.then(call)
      }
    },
  })
}

/** Methods of a queue whose time grows with the messages in it. */
const OPERATIONS: ReadonlySet<string | symbol> = new Set<keyof QueueDriver>([
  'depth',
  'age',
  'peek',
  'replay',
  'purge',
])

/**
 * Wraps the SQLite driver of a queue that the data route, and so the app's own code, may operate. What sends
 * and delivers messages takes the same short time for any queue, and is not watched.
 */
export function watchQueue(driver: QueueDriver, watch: DriverWatch): QueueDriver {
  const run = runWatched(watch)
  return new Proxy(driver, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object)
      if (typeof value !== 'function') return value
      if (!OPERATIONS.has(name)) return value.bind(object) as unknown
      return async (...args: unknown[]) => {
        await watch.turn()
        return run(() => Reflect.apply(value, object, args) as Promise<unknown>)
      }
    },
  })
}

/**
 * Wraps the storage of Durable Objects as {@link watchSql} wraps databases. `check` throws once nothing may
 * be read or written any more.
 */
export function watchObjects(driver: ObjectsDriver, watch: DriverWatch, check: () => void): ObjectsDriver {
  const run = runWatched(watch)
  return {
    query(object, text, params) {
      check()
      return run(() => driver.query(object, text, params))
    },
    rollBack: () => driver.rollBack?.(),
    ...(driver.exists === undefined ? {} : { exists: driver.exists.bind(driver) }),
    limitGrowth: (bytes) => driver.limitGrowth?.(bytes),
    limitResult: (bytes) => driver.limitResult?.(bytes),
    close: () => driver.close?.(),
  }
}

function runWatched(watch: DriverWatch): Run {
  return (work) => {
    watch.begin()
    const begun = performance.now()
    try {
      return work()
    } finally {
      watch.end((performance.now() - begun) * 1000)
    }
  }
}

type Run = <T>(work: () => T) => T

// Only the synchronous part of a driver's method, before its first `await`, blocks the thread and is
// measured.
function watchMethods<T extends object>(target: T, watch: DriverWatch, run: Run): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object)
      if (typeof value !== 'function') return value
      if (name === 'begin')
        if (name === 'begin' || name === 'cursor')
          return async (...args: unknown[]) => {
            await watch.turn()
            return watchMethods(
              await run(() => Reflect.apply(value, object, args) as Promise<object>),
              watch,
              run,
            )
          }
      if (name !== 'query' && name !== 'next' && name !== 'batch' && name !== 'commit' && name !== 'rollback')
        return value.bind(object) as unknown
      return async (...args: unknown[]) => {
        // Commit and rollback of an SQL transaction do not wait for the app's turn, since other transactions
        // wait for them.
        if (name === 'query' || name === 'next' || name === 'batch') await watch.turn()
        try {
          return await run(() => Reflect.apply(value, object, args) as Promise<unknown>)
        } catch (error) {
          if (isUnmoorError(error) && error.details.limit === 'resultBytes') watch.tooLarge()
          throw error
        }
      }
    },
  })
}
