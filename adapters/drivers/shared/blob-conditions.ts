import type { BlobConditions, BlobRange, BlobRecord } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'

/**
 * Refuses a blob put whose conditions do not hold for the current blob. Call it where no other put can come
 * between the check and the write.
 */
export function checkPutConditions(
  key: string,
  current: { etag: string } | undefined,
  { ifMatch, ifNoneMatch }: BlobConditions,
): void {
  if (ifMatch !== undefined && current?.etag !== ifMatch) {
    throw new UnmoorError(
      'PreconditionFailed',
      current === undefined
        ? `There is no blob ${JSON.stringify(key)} to match.`
        : `The blob ${JSON.stringify(key)} has changed: its etag is no longer ${ifMatch}.`,
    )
  }
  if (
    ifNoneMatch !== undefined &&
    current !== undefined &&
    (ifNoneMatch === '*' || ifNoneMatch === current.etag)
  ) {
    throw new UnmoorError('PreconditionFailed', `There is a blob ${JSON.stringify(key)} already.`)
  }
}

/**
 * True if a blob get returns the body; false if `ifNoneMatch` names the current etag. A failed `ifMatch`
 * throws.
 */
export function wantsBody(record: BlobRecord, { ifMatch, ifNoneMatch }: BlobConditions): boolean {
  if (ifMatch !== undefined && ifMatch !== record.etag)
    throw new UnmoorError(
      'PreconditionFailed',
      `The blob ${JSON.stringify(record.key)} has changed: its etag is no longer ${ifMatch}.`,
    )
  return !(ifNoneMatch === '*' || ifNoneMatch === record.etag)
}

/**
 * Returns the bytes of a blob that a range covers, cut at the end of the blob; throws `RangeNotSatisfiable`
 * if none are left.
 */
export function resolveRange(
  range: BlobRange | undefined,
  record: BlobRecord,
): { offset: number; length: number } | undefined {
  if (range === undefined) return undefined
  const offset = 'suffix' in range ? Math.max(0, record.size - range.suffix) : range.offset
  const length = Math.min(('suffix' in range ? range.suffix : range.length) ?? Infinity, record.size - offset)
  if (length > 0) return { offset, length }
  throw new UnmoorError(
    'RangeNotSatisfiable',
    `The blob ${JSON.stringify(record.key)} has ${record.size} bytes: the range ` +
      `${JSON.stringify(range)} holds none of them.`,
  )
}

/** Refuses a blob's body whose SHA-256 differs from the announced one. */
export function checkSha256(key: string, announced: string | undefined, actual: string): void {
  if (announced === undefined || announced === actual) return
  throw new UnmoorError(
    'ChecksumMismatch',
    `The body for ${JSON.stringify(key)} has SHA-256 ${actual}, not ${announced}. Nothing was stored.`,
  )
}
