import { randomUUID } from 'node:crypto'
import type { BlobDriver, BlobRecord } from '../../bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../errors.ts'
import { ATTEMPTS, CLAIM_KEY, type Claimant, type StoreClaim } from './claim.ts'

/**
 * Claims a blob store for a data transfer by a conditional write of one blob, which only one of several
 * writers can win. The claim's age is measured by the store's own clock, so that differences between machine
 * clocks do not matter.
 */
export function blobClaim(driver: BlobDriver): StoreClaim {
  const write = async (
    own: Claimant,
    seconds: number,
    condition: { ifMatch: string } | { ifNoneMatch: '*' },
  ): Promise<boolean> => {
    try {
      // The bytes of the claim's blob are random, so that each write has a new etag.
      await driver.put(CLAIM_KEY, new TextEncoder().encode(randomUUID()), {
        httpMetadata: {},
        customMetadata: { ...own, seconds: String(seconds) },
        ...condition,
      })
      return true
    } catch (error) {
      if (isUnmoorError(error) && error.code === 'PreconditionFailed') return false
      throw error
    }
  }
  return {
    async take(own, seconds) {
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        const found = await driver.head(CLAIM_KEY)
        if (found === null) {
          if (await write(own, seconds, { ifNoneMatch: '*' })) return undefined
          continue
        }
        const { id = '', host = '', since = '', seconds: lease } = found.customMetadata
        if (id !== own.id && (await ageOf(found, driver)) <= Number(lease) * 1000) return { id, host, since }
        if (await write(own, seconds, { ifMatch: found.etag })) return undefined
      }
      throw new UnmoorError(
        'Conflict',
        `The claim ${CLAIM_KEY} is being written by others at the same time. Run the command again.`,
        { operation: 'data' },
      )
    },
    async release(own) {
      const found = await driver.head(CLAIM_KEY)
      if (found?.customMetadata['id'] === own.id) await driver.delete([CLAIM_KEY])
    },
  }
}

/** Returns milliseconds since a claim's blob was written, by the store's clock. */
async function ageOf({ uploaded }: BlobRecord, driver: BlobDriver): Promise<number> {
  const key = `${CLAIM_KEY}/clock-${randomUUID()}`
  await driver.put(key, new Uint8Array(1), { httpMetadata: {}, customMetadata: {} })
  try {
    return ((await driver.head(key))?.uploaded ?? uploaded) - uploaded
  } finally {
    await driver.delete([key])
  }
}
