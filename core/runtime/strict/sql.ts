import type { SqlDriver } from '../../bindings/drivers.ts'

/**
 * Wraps a database driver for strict builds so that it has no interactive transactions, as D1: `batch` is the
 * transaction that every target has.
 */
export function portableSql(driver: SqlDriver): SqlDriver {
  const exclusive = driver.exclusive?.bind(driver)
  return {
    dialect: driver.dialect,
    query: (query, signal) => driver.query(query, signal),
    batch: (queries, signal) => driver.batch(queries, signal),
    ...(exclusive === undefined ? {} : { exclusive }),
    close: () => driver.close?.(),
  }
}
