import type { Kv } from 'unmoor'
/** Rounds short times up, so that callers may give them. */
export class Sessions {
  #store: Kv
  constructor(store: Kv) {
    this.#store = store
  }
  async put(id: string, value: object, options: { ttl: number }): Promise<void> {
    await this.#store.put(`s/${id}`, JSON.stringify(value), { ttl: Math.max(60, options.ttl) })
  }
}
