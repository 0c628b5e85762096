import { randomUUID } from 'node:crypto'
import type { BlobDriver, BlobRecord } from '../../bindings/drivers.ts'
import { isUnmoorError, UnmoorError } from '../../errors.ts'
import { ATTEMPTS, CLAIM_KEY, type Claimant, type StoreClaim } from './claim.ts'

/**
 * One blob, written under the condition that nobody else wrote it. Its age is told by the store's own clock,
 * so that clocks of machines do not count.
 */
export function blobClaim(driver: BlobDriver): StoreClaim {
  const write = async (
    own: Claimant,
    seconds: number,
    condition: { ifMatch: string } | { ifNoneMatch: '*' },
  ): Promise<boolean> => {
    try {
      // Other bytes each time, so that each has an etag of its own.
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

/** Milliseconds since a blob was written. */
async function ageOf({ uploaded }: BlobRecord, driver: BlobDriver): Promise<number> {
  const key = `${CLAIM_KEY}/clock-${randomUUID()}`
  await driver.put(key, new Uint8Array(1), { httpMetadata: {}, customMetadata: {} })
  try {
    return ((await driver.head(key))?.uploaded ?? uploaded) - uploaded
  } finally {
    await driver.delete([key])
  }
}
