/** Number of items, mostly files, processed at once: what a disk can flush together. */
const AT_ONCE = 16

/**
 * Runs `work` for each item, several at once. After a failure no further item is started; the error is thrown
 * once the running ones have ended.
 */
export async function someAtOnce<T>(items: Iterable<T>, work: (item: T) => Promise<unknown>): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const failures: unknown[] = []
  const run = async (): Promise<void> => {
    for (let next = iterator.next(); failures.length === 0 && next.done !== true; next = iterator.next())
      await work(next.value).catch((error: unknown) => failures.push(error))
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
  if (failures.length > 0) throw failures[0]
}
