import { compareUtf8 } from '../../../core/bindings/bytes.ts'

/**
 * A map whose keys can be walked in UTF-8 byte order. The keys are sorted at the first walk after a change,
 * so reads and writes cost what a Map's do.
 */
export class SortedMap<Value> {
  #values = new Map<string, Value>()
  #keys: string[] | undefined

  get(key: string): Value | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: Value): void {
    if (!this.#values.has(key)) this.#keys = undefined
    this.#values.set(key, value)
  }

  delete(key: string): void {
    if (this.#values.delete(key)) this.#keys = undefined
  }

  /**
   * Yields the values of a sorted map from the first key at or after `from` (only after it, unless
   * `inclusive`).
   */
  *from(from: string, inclusive: boolean): Generator<[key: string, value: Value]> {
    const keys = (this.#keys ??= [...this.#values.keys()].sort(compareUtf8))
    let low = 0
    let high = keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      const order = compareUtf8(keys[middle] as string, from)
      if (order < 0 || (order === 0 && !inclusive)) low = middle + 1
      else high = middle
    }
    for (; low < keys.length; low++) {
      const key = keys[low] as string
      yield [key, this.#values.get(key) as Value]
    }
  }
}
