import type { Kv } from 'unmoor'

/** Of no bundle, as it has types alone. */
export interface Deps {
  store: Kv
}
