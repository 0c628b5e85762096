/* oxlint-disable unicorn/no-thenable -- thenables are what is tested */
/** What the cases of AsyncLocalStorage share. They run on Node and in an isolate. */
import { AsyncLocalStorage } from 'node:async_hooks'

export const storage = new AsyncLocalStorage<unknown>()
export const other = new AsyncLocalStorage<unknown>()
export const get = (): unknown => storage.getStore() ?? null

/** A query of a database library: it runs when it is awaited, and says in which context that was. */
export function query(value: unknown = 'row'): PromiseLike<unknown[]> {
  return {
    then(resolve, reject) {
      const at = get()
      return Promise.resolve()
        .then(() => [value, at, get()])
        .then(resolve, reject)
    },
  }
}
/** One that calls back at once. */
export const eager = (): PromiseLike<unknown> => ({
  then: (resolve) => resolve?.(get()) as never,
})
export class OwnPromise<T> extends Promise<T> {}
export class Lazy extends Promise<unknown> {
  override then(resolve?: never, reject?: never): never {
    return Promise.resolve(['lazy', get()]).then(resolve, reject) as never
  }
}
export const inA = <T>(work: () => T): T => storage.run('a', work)
export const settled = async (work: Promise<unknown>): Promise<unknown> => work.then((v) => [v, get()])
