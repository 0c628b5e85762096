import { isUnmoorError } from '../../../../core/errors.ts'
import type { ObjectsDriver, SqlDriver } from '../../../../core/bindings/drivers.ts'

/** Hears of a driver's work on the process's first thread. */
export interface DriverWatch {
  /** Work begins that may take as long as a tenant likes: what a process that hangs is blamed on. */
  begin(): void
  /** The work is over, and took that many microseconds. */
  end(microseconds: number): void
  /** Resolves when the app may begin another call; undefined where it may now. */
  turn(): Promise<void> | undefined
  /** A result was larger than its limit. */
  tooLarge(): void
}

/**
 * A driver of a database in this process: its statements run on the thread that all tenants share, for as
 * long as they take, and nothing can stop them. So their time is told to `watch`.
 */
export function watchSql(driver: SqlDriver, watch: DriverWatch): SqlDriver {
  return watchMethods(driver, watch, runWatched(watch))
}

/** Watches a driver in this process whose methods all take the thread, such as a kv of SQLite. */
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

/**
 * The same for the storage of Durable Objects. `check` throws where nothing may be read or written any more.
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

// What a driver does before its first `await` is what holds the thread up.
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
        // What ends a transaction lets others go on.
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
