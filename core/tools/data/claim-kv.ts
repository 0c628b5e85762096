import type { KvDriver } from '../../bindings/drivers.ts'
import { CLAIM_KEY, type Claimant, type StoreClaim } from './claim.ts'

/**
 * A plain kv has no conditional write, so each writer puts an entry of its own and then looks for others: of
 * two that begin at once the later look sees both. The entries expire by themselves. Where reads are stale
 * (Workers KV: up to a minute) both may go on until their next look; then the later one ends.
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
      // One who came later ends by itself.
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
