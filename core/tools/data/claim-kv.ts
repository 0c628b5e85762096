import type { KvDriver } from '../../bindings/drivers.ts'
import { CLAIM_KEY, type Claimant, type StoreClaim } from './claim.ts'

/**
 * Claims a plain kv, which has no conditional write, for a data transfer. Each writer puts an entry of its
 * own and then lists the others: of two writers that begin at once, the later list has both entries. The
 * entries expire by themselves. Where reads are stale (Workers KV: up to a minute), both writers may continue
 * until their next renewal; then the later writer ends.
 */
export function kvClaim(driver: KvDriver): StoreClaim {
  const keyOf = ({ id }: Claimant): string => `${CLAIM_KEY}/${id}`
  return {
    async take(own, seconds, held) {
      const expiration = Math.ceil(Date.now() / 1000) + seconds
      await driver.put(keyOf(own), 'unmoor data', { metadata: JSON.stringify(own), expiration })
      const { keys } = await driver.list({ prefix: `${CLAIM_KEY}/`, limit: 100 })
      const others = keys
        .filter(({ name }) => name !== keyOf(own))
        .map(({ metadata }) => JSON.parse(metadata ?? '{}') as Claimant)
      // A writer that holds its claim on a kv yields only to an earlier one, since a later writer ends by
      // itself.
      const other = others.find((one) => !held || isEarlier(one, own))
      if (other !== undefined) await driver.delete(keyOf(own))
      return other
    },
    release: (own) => driver.delete(keyOf(own)),
  }
}

function isEarlier(a: Claimant, b: Claimant): boolean {
  return a.since < b.since || (a.since === b.since && a.id < b.id)
}
