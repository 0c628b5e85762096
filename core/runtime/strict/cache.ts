import type { CacheDriver } from '../../bindings/drivers.ts'
import type { Random } from './random.ts'

/** Fraction of look-ups in a strict build's cache that find their entry evicted. */
const EVICTIONS = 1 / 3

/** Wraps a cache driver for strict builds so that its entries vanish at any time. */
export function leakyCache(driver: CacheDriver, random: Random): CacheDriver {
  return {
    async match(url) {
      if (random() < EVICTIONS) await driver.delete(url)
      return driver.match(url)
    },
    put: (url, response, ttlSeconds) => driver.put(url, response, ttlSeconds),
    delete: (url) => driver.delete(url),
    close: () => driver.close?.(),
  }
}
