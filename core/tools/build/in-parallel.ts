/** Number of files that a build processes at once; far more than Node has I/O threads would gain nothing. */
const AT_ONCE = 16

/**
 * Runs `work` for each item with limited concurrency. After the first failure no further item is started, and
 * that failure is thrown.
 */
export async function inParallel<T>(items: Iterable<T>, work: (item: T) => Promise<unknown>): Promise<void> {
  const iterator = items[Symbol.iterator]()
  let failed = false
  const run = async (): Promise<void> => {
    for (let next = iterator.next(); !failed && next.done !== true; next = iterator.next()) {
      try {
        await work(next.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, run))
}
