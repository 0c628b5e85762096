/** Uses a set of open drivers as source and sink of a data transfer. */
import type { BlobDriver, KvDriver } from '../../bindings/drivers.ts'
import type { Sql } from '../../bindings/sql.ts'
import { UnmoorError } from '../../errors.ts'
import { blobClaim } from './claim-blob.ts'
import { kvClaim } from './claim-kv.ts'
import { sqlClaim } from './claim-sql.ts'
import { blobReader, blobWriter } from './live-blob.ts'
import { kvReader, kvWriter } from './live-kv.ts'
import { mendCounters, sqlReader, sqlWriter } from './live-sql.ts'
import type { DataKind, Sink, Source, Table } from './records.ts'

/** An open binding of the project that a transfer can read or write. */
export type OpenBinding =
  | { kind: 'kv'; driver: KvDriver }
  | { kind: 'blob'; driver: BlobDriver }
  | { kind: 'sql'; db: Sql; exclude: readonly string[] }

/** A set of stores that can be both source and sink of a data transfer. */
export type Live = Source & Sink & { mendCounters(binding: string, tables: readonly Table[]): Promise<void> }

/** Wraps open bindings as a source and sink of a data transfer. */
export function createLive(
  label: string,
  open: ReadonlyMap<string, OpenBinding>,
  close: () => Promise<void>,
): Live {
  const find = <Kind extends DataKind>(binding: string, kind: Kind): Extract<OpenBinding, { kind: Kind }> => {
    const found = open.get(binding)
    if (found?.kind !== kind)
      throw new UnmoorError('NotFound', `${label} has no ${kind} "${binding}".`, { binding })
    return found as Extract<OpenBinding, { kind: Kind }>
  }
  return {
    label,
    bindings: Object.fromEntries([...open].map(([name, { kind }]) => [name, kind])),
    kv: (binding) => kvReader(find(binding, 'kv').driver, binding),
    blob: (binding) => blobReader(find(binding, 'blob').driver, binding),
    sql: (binding) => sqlReader(find(binding, 'sql').db, binding, find(binding, 'sql').exclude),
    kvWriter: (binding) => kvWriter(find(binding, 'kv').driver),
    blobWriter: (binding) => blobWriter(find(binding, 'blob').driver),
    sqlWriter: (binding) => sqlWriter(find(binding, 'sql').db, binding, find(binding, 'sql').exclude),
    claim(binding) {
      const found = open.get(binding)
      if (found === undefined)
        throw new UnmoorError('NotFound', `${label} has no binding "${binding}".`, { binding })
      return found.kind === 'kv'
        ? kvClaim(found.driver)
        : found.kind === 'blob'
          ? blobClaim(found.driver)
          : sqlClaim(found.db)
    },
    mendCounters: (binding, tables) => mendCounters(find(binding, 'sql').db, tables),
    close,
  }
}
