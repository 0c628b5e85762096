import type { DriverOf } from '../../../bindings/drivers.ts'
import { blobCases } from './blob.ts'
import { cacheCases } from './cache.ts'
import type { DriverCase, DriverKind } from './driver-case.ts'
import type { Harness } from './harness.ts'
import { kvCases } from './kv.ts'
import { queueCases } from './queue.ts'
import { sqlCases } from './sql.ts'
import { strongKvCases } from './strong-kv.ts'

/** Traits of a driver's backend that conformance cases cannot detect themselves. */
export interface DriverTraits {
  /**
   * If true, entries in a store expire by the backend's clock, which no case can set: the cases about expiry
   * are skipped. Default: false.
   */
  ownClock?: boolean
  /** True if a queue backend counts attempts and depth exactly. Default: true. */
  exact?: boolean
}

type Create<Kind extends DriverKind> = () => Promise<Harness<DriverOf[Kind]>>

const CASES: {
  readonly [Kind in DriverKind]?: (create: Create<Kind>, traits: DriverTraits) => DriverCase[]
} = {
  kv: (create, traits) => kvCases(create, traits),
  // A strongKv driver must also pass the cases of a kv driver, under ids that begin with `strong-`.
  strongKv: (create, traits) => [
    ...kvCases(create, traits).map((one) => ({ ...one, id: `strong-${one.id}` })),
    ...strongKvCases(create, traits),
  ],
  blob: (create) => blobCases(create),
  sql: (create) => sqlCases(create),
  queue: (create, traits) => queueCases(create, traits),
  cache: (create, traits) => cacheCases(create, traits),
}

/**
 * Returns the conformance cases of a driver of this kind; each calls `create` for a fresh harness. A kind
 * without cases has an empty list.
 */
export function driverCases<Kind extends DriverKind>(
  kind: Kind,
  create: () => Promise<Harness<DriverOf[Kind]>>,
  traits: DriverTraits = {},
): DriverCase[] {
  return CASES[kind]?.(create, traits) ?? []
}
