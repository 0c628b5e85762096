import type { MemoryOptions } from './options.ts'
/**
 * Creates one memory store per name, such as `app/binding`. Drivers of one process that name the same store
 * share it, as they would share a backend.
 */
export class Stores<Store> {
  #create: () => Store
  #stores = new Map<string, { store: Store; users: number }>()

  constructor(create: () => Store) {
    this.#create = create
  }

  open(name: string): { store: Store; close: () => void } {
    let entry = this.#stores.get(name)
    if (entry === undefined) {
      entry = { store: this.#create(), users: 0 }
      this.#stores.set(name, entry)
    }
    const { store } = entry
    entry.users++
    return {
      store,
      // A memory store is dropped with its last driver, so that tests begin empty.
      close: () => {
        if (--entry.users === 0) this.#stores.delete(name)
      },
    }
  }
}

/** Name of a binding's memory store. */
export function storeName(options: MemoryOptions, context: { app: string; binding: string }): string {
  return `${options.prefix ?? options.namespace ?? ''}/${context.app}/${context.binding}`
}
