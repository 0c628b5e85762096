/**
 * Maximum number of items in a backend call that joins several callers' calls. A caller's call with more
 * items becomes a backend call of its own.
 */
const MOST = 100
/**
 * Maximum bytes of a backend call that joins several callers' calls, so that an SQL statement for many
 * messages stays small.
 */
const MOST_BYTES = 1_000_000

interface Call<Item> {
  items: readonly Item[]
  resolve: () => void
  reject: (error: unknown) => void
}

/**
 * Joins the calls that are made in one turn of the event loop, such as those of requests that a server reads
 * together, into one call of the backend: one round trip, one commit and one flush to the disk. A call that
 * is alone waits only for the end of the turn. Each call succeeds or fails with the backend's call that it is
 * part of.
 */
export class Gather<Item> {
  #together: (items: readonly Item[]) => Promise<unknown> | void
  #sizeOf: (item: Item) => number
  #calls: Call<Item>[] = []
  #end: NodeJS.Immediate | undefined

  constructor(together: (items: readonly Item[]) => Promise<unknown> | void, sizeOf: (item: Item) => number) {
    this.#together = together
    this.#sizeOf = sizeOf
  }

  add(items: readonly Item[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#calls.push({ items, resolve, reject })
      this.#end ??= setImmediate(() => void this.flush())
    })
  }

  /**
   * Runs at once the calls that wait for the end of the turn to be joined. Resolves when they are done or
   * have failed.
   */
  async flush(): Promise<void> {
    clearImmediate(this.#end)
    this.#end = undefined
    const calls = this.#calls
    this.#calls = []
    const runs: Promise<void>[] = []
    let group: Call<Item>[] = []
    let count = 0
    let bytes = 0
    for (const call of calls) {
      const size = calls.length === 1 ? 0 : call.items.reduce((sum, item) => sum + this.#sizeOf(item), 0)
      if (group.length > 0 && (count + call.items.length > MOST || bytes + size > MOST_BYTES)) {
        runs.push(this.#run(group))
        group = []
        count = 0
        bytes = 0
      }
      group.push(call)
      count += call.items.length
      bytes += size
    }
    if (group.length > 0) runs.push(this.#run(group))
    await Promise.all(runs)
  }

  async #run(calls: readonly Call<Item>[]): Promise<void> {
    try {
      await this.#together(
        calls.length === 1 ? (calls[0] as Call<Item>).items : calls.flatMap(({ items }) => items),
      )
      for (const { resolve } of calls) resolve()
    } catch (error) {
      for (const { reject } of calls) reject(error)
    }
  }
}
