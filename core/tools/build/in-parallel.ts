/** Files that are at work at once: more than the threads that Node has for them gain nothing. */
const AT_ONCE = 16

/** Runs `work` for each item, some at once. The first failure is thrown, and begins nothing more. */
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
