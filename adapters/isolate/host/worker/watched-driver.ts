import type { ObjectsDriver, SqlDriver } from '../../../../core/bindings/drivers.ts'

/** Hears of a driver's work on the process's first thread. */
export interface DriverWatch {
  /** Work begins that may take as long as a tenant likes: what a process that hangs is blamed on. */
  begin(): void
  /** It is over, and took that many microseconds. */
  end(microseconds: number): void
}

/**
 * A driver of a database in this process: its statements run on the thread that all tenants share, for as
 * long as they take, and nothing can stop them. So their time is told to `watch`.
 */
export function watchSql(driver: SqlDriver, watch: DriverWatch): SqlDriver {
  return watchMethods(driver, runWatched(watch))
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
    ...(driver.exists === undefined ? {} : { exists: driver.exists.bind(driver) }),
    limitGrowth: (bytes) => driver.limitGrowth?.(bytes),
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
function watchMethods<T extends object>(target: T, run: Run): T {
  return new Proxy(target, {
    get(object, name) {
      const value: unknown = Reflect.get(object, name, object)
      if (typeof value !== 'function') return value
      if (name === 'begin')
        return async () =>
          watchMethods(await run(() => Reflect.apply(value, object, []) as Promise<object>), run)
      if (name === 'cursor')
        return async (...args: unknown[]) =>
          watchMethods(await run(() => Reflect.apply(value, object, args) as Promise<object>), run)
      if (name !== 'query' && name !== 'next' && name !== 'batch' && name !== 'commit' && name !== 'rollback')
        return value.bind(object) as unknown
      return (...args: unknown[]) => run(() => Reflect.apply(value, object, args) as unknown)
    },
  })
}
