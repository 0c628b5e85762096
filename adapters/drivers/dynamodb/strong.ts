import type { KvDriver, KvEntry, KvVersionedEntry, StrongKvDriver } from '../../../core/bindings/drivers.ts'
import { isUnmoorError } from '../../../core/errors.ts'
import type { Condition } from './api.ts'
import { type Item, reference, text } from './item.ts'
import type { Store } from './store.ts'

type PutOptions = Parameters<KvDriver['put']>[2]

/** Version reported for DynamoDB items that were written before the binding was strong. */
const UNVERSIONED = 'none'
/** Maximum number of tries of a conditional DynamoDB write whose answer is lost. */
const TRIES = 4

/** A strong KV in DynamoDB: consistent reads, and a version in every item that conditional writes compare. */
export class DynamodbStrongKv implements StrongKvDriver {
  #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  async get(key: string, as: 'text' | 'bytes' | 'stream'): Promise<KvEntry | null> {
    const item = await this.#store.read(key)
    return item === undefined ? null : ((await this.#store.entry(item, as))?.entry ?? null)
  }

  async getWithVersion(key: string, as: 'text' | 'bytes'): Promise<KvVersionedEntry | null> {
    const item = await this.#store.read(key)
    const found = item === undefined ? null : await this.#store.entry(item, as)
    // The cast drops streams: a KV value that is read as text or bytes is never a stream.
    return found === null ? null : { ...(found.entry as KvVersionedEntry), version: versionOf(found.item) }
  }

  getMany(keys: readonly string[], as: 'text' | 'bytes'): Promise<Map<string, KvEntry>> {
    return this.#store.many(keys, as)
  }

  list(options: Parameters<KvDriver['list']>[0]): ReturnType<KvDriver['list']> {
    return this.#store.list(options)
  }

  put(key: string, value: string | Uint8Array<ArrayBuffer>, options: PutOptions): Promise<void> {
    const store = this.#store
    return store.put(key, value, options, (item, stored) =>
      store.replace((write) => store.api.put({ ...item, version: { S: newVersion() } }, write), stored),
    )
  }

  delete(key: string): Promise<void> {
    const store = this.#store
    return store.replace((write) => store.api.delete(store.key(key), write), undefined)
  }

  putIf(
    key: string,
    value: string | Uint8Array<ArrayBuffer>,
    options: PutOptions,
    expected: string | null,
  ): Promise<string | null> {
    const store = this.#store
    const version = newVersion()
    return store.put(key, value, options, async (item, stored) => {
      const write = (): Promise<Item | undefined> =>
        store.api.put(
          { ...item, version: { S: version } },
          { condition: this.#condition(expected), returnOld: true, once: true },
        )
      const done = await this.#conditionally(
        key,
        expected,
        write,
        (current) => current !== undefined && versionOf(current) === version,
      )
      if (!done) await store.remove(stored)
      return done ? version : null
    })
  }

  deleteIf(key: string, expected: string): Promise<boolean> {
    const store = this.#store
    const write = (): Promise<Item | undefined> =>
      store.api.delete(store.key(key), { condition: this.#condition(expected), returnOld: true, once: true })
    return this.#conditionally(key, expected, write, (current) => current === undefined)
  }

  /**
   * Runs a conditional DynamoDB write; resolves to true if it took place. If the answer is lost, the entry is
   * read again: the write was applied, or is tried again if the entry still has the expected version, or else
   * fails because its outcome is unknown.
   */
  async #conditionally(
    key: string,
    expected: string | null,
    write: () => Promise<Item | undefined>,
    applied: (current: Item | undefined) => boolean,
  ): Promise<boolean> {
    for (let attempt = 1; ; attempt++) {
      try {
        const old = await write()
        if (old !== undefined) await this.#store.remove(reference(old))
        return true
      } catch (error) {
        if (isUnmoorError(error, 'PreconditionFailed')) return false
        if (!isUnmoorError(error) || !error.mayHaveApplied || attempt === TRIES) throw error
        const current = await this.#store.read(key)
        if (applied(current)) return true
        if ((current === undefined ? null : versionOf(current)) !== expected) throw error
      }
    }
  }

  /**
   * Condition that the stored DynamoDB item has the expected version. Expired items that DynamoDB still has
   * count as absent.
   */
  #condition(expected: string | null): Condition {
    const now = { ':now': { N: String(Math.floor(this.#store.now / 1000)) } }
    if (expected === null)
      return {
        expression: 'attribute_not_exists(#pk) OR #expires <= :now',
        names: { '#pk': 'pk', '#expires': 'expires' },
        values: now,
      }
    const alive = '(attribute_not_exists(#expires) OR #expires > :now)'
    const names = { '#version': 'version', '#expires': 'expires' }
    if (expected === UNVERSIONED) {
      return {
        expression: `attribute_exists(#pk) AND attribute_not_exists(#version) AND ${alive}`,
        names: { ...names, '#pk': 'pk' },
        values: now,
      }
    }
    return {
      expression: `#version = :version AND ${alive}`,
      names,
      values: { ...now, ':version': { S: expected } },
    }
  }
}

function newVersion(): string {
  return crypto.randomUUID()
}

function versionOf(item: Item): string {
  return text(item, 'version') ?? UNVERSIONED
}
