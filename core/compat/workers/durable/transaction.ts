import type { ListOptions } from './arguments.ts'
import type { ObjectStore } from './store.ts'

/** Methods that Durable Object storage and its transactions share. */
export interface StorageMethods {
  get<T = unknown>(key: string, options?: object): Promise<T | undefined>
  get<T = unknown>(keys: readonly string[], options?: object): Promise<Map<string, T>>
  put(key: string, value: unknown, options?: object): Promise<void>
  put(entries: Readonly<Record<string, unknown>>, options?: object): Promise<void>
  delete(key: string, options?: object): Promise<boolean>
  delete(keys: readonly string[], options?: object): Promise<number>
  list<T = unknown>(options?: ListOptions): Promise<Map<string, T>>
  getAlarm(): Promise<number | null>
  setAlarm(scheduledTime: number | Date): Promise<void>
  deleteAlarm(): Promise<void>
}

/**
 * Argument of the function passed to a Durable Object's `storage.transaction()`: its storage, until the
 * transaction is committed or rolled back.
 */
export class Transaction {
  #storage: StorageMethods
  #store: ObjectStore
  #end: (keep: boolean) => void
  #depth: number
  #state: 'open' | 'committed' | 'undone' = 'open'

  constructor(storage: StorageMethods, store: ObjectStore) {
    this.#storage = storage
    this.#store = store
    this.#end = store.open()
    this.#depth = store.depth
  }

  /** Keeps the writes of a Durable Object's transaction. @internal */
  commit(): void {
    this.#finish(true)
  }

  /** Undoes the writes of a Durable Object's transaction. @internal */
  undo(): void {
    this.#finish(false)
  }

  #finish(keep: boolean): void {
    if (this.#state !== 'open') return
    this.#state = keep ? 'committed' : 'undone'
    this.#end(keep)
  }

  rollback(): void {
    if (this.#state === 'undone') return
    this.#check('rollback')
    if (this.#store.depth > this.#depth)
      throw new Error('Cannot roll back an outer transaction while a nested transaction is still running.')
    this.undo()
  }

  async deleteAll(): Promise<void> {
    throw new Error('Cannot call deleteAll() within a transaction')
  }

  get = this.#guard('get') as StorageMethods['get']
  put = this.#guard('put') as StorageMethods['put']
  delete = this.#guard('delete') as StorageMethods['delete']
  list = this.#guard('list') as StorageMethods['list']
  getAlarm = this.#guard('getAlarm') as StorageMethods['getAlarm']
  setAlarm = this.#guard('setAlarm') as StorageMethods['setAlarm']
  deleteAlarm = this.#guard('deleteAlarm') as StorageMethods['deleteAlarm']

  #guard(method: keyof StorageMethods) {
    return async (...args: never[]): Promise<unknown> => {
      this.#check(method)
      return (this.#storage[method] as (...args: never[]) => Promise<unknown>)(...args)
    }
  }

  #check(method: string): void {
    if (this.#state === 'undone') throw new Error(`Cannot ${method}() on rolled back transaction`)
    if (this.#state === 'committed')
      throw new Error(
        `Cannot call ${method}() on transaction that has already committed: did you move \`txn\` outside ` +
          'of the closure?',
      )
  }
}
