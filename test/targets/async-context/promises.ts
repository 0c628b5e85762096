/* oxlint-disable unicorn/no-thenable, unicorn/no-unnecessary-await, unicorn/no-single-promise-in-promise-methods, typescript/await-thenable, typescript/no-misused-promises -- thenables and what is odd about them are what is tested */
/** AsyncLocalStorage along promises and thenables, case by case: each function returns data. */
import { eager, get, inA, Lazy, OwnPromise, query, settled, storage } from './tools.ts'

export const PROMISES: Readonly<Record<string, () => unknown>> = {
  'a thenable is awaited': () => inA(async () => [await query(), get()]),
  'an eager thenable is awaited': () => inA(async () => [await eager(), get()]),
  'two thenables one after the other': () => inA(async () => [await query(1), await query(2), get()]),
  'thenables in Promise.all': () => inA(async () => [await Promise.all([query(1), eager(), 3]), get()]),
  'thenables in allSettled, race and any': () =>
    inA(async () => [
      await Promise.allSettled([query(1), eager()]),
      await Promise.race([query(2)]),
      await Promise.any([query(3)]),
      get(),
    ]),
  'a thenable is returned from an async function': () =>
    inA(async () => {
      const read = async (): Promise<unknown> => query()
      return [await read(), get()]
    }),
  'a thenable is returned from a then callback': () =>
    inA(() => settled(Promise.resolve().then(() => query()))),
  'a thenable is returned from a catch callback': () =>
    inA(() => settled(Promise.reject(new Error('x')).catch(() => query()))),
  'a thenable is returned from a finally callback': () => {
    let seen: unknown
    const waits: PromiseLike<void> = {
      then: (resolve) => {
        seen = get()
        return resolve?.(undefined) as never
      },
    }
    return inA(async () => [await Promise.resolve(1).finally(() => waits), seen, get()])
  },
  'a promise is resolved with a thenable': () =>
    inA(() => settled(new Promise((resolve) => resolve(query())))),
  'a promise is resolved with a thenable, elsewhere': () => {
    const { promise, resolve } = Promise.withResolvers<unknown>()
    const waiting = inA(() => settled(promise))
    storage.run('b', () => resolve(query()))
    return waiting
  },
  'Promise.resolve of a thenable': () => inA(() => settled(Promise.resolve(query()))),
  'Promise.try of a thenable': () => inA(() => settled(Promise.try(() => query() as never))),
  'a thenable in a thenable': () =>
    inA(async () => [await { then: (resolve: (value: unknown) => void) => resolve(query()) }, get()]),
  'a class of promises of its own': () => inA(async () => [await OwnPromise.resolve(query()), get()]),
  'a promise whose then is its own': () => inA(async () => [await Lazy.resolve(1), get()]),
  'a promise whose then is its own is returned': () =>
    inA(async () => {
      const read = async (): Promise<unknown> => Lazy.resolve(1)
      return [await read(), get()]
    }),
  'then is read once, in the context that resolves': () => {
    const reads: unknown[] = []
    const counted = Object.defineProperty({}, 'then', {
      get() {
        reads.push(get())
        return (resolve: (value: number) => void) => resolve(1)
      },
    })
    return inA(async () => [await counted, await Promise.resolve().then(() => counted), reads])
  },
  'a getter of then that throws': () =>
    inA(async () => {
      const broken = {
        get then(): never {
          throw new Error('no then')
        },
      }
      try {
        await broken
        return 'resolved'
      } catch (error) {
        return [(error as Error).message, get()]
      }
    }),
  'a thenable that throws': () =>
    inA(async () => {
      try {
        const broken: PromiseLike<unknown> = {
          then() {
            throw new Error(`at ${String(get())}`)
          },
        }
        await broken
        return 'resolved'
      } catch (error) {
        return [(error as Error).message, get()]
      }
    }),
  'an async generator yields thenables': () =>
    inA(async () => {
      async function* rows(): AsyncGenerator<unknown> {
        yield query(1)
        yield await query(2)
        yield get()
      }
      const seen: unknown[] = []
      for await (const row of rows()) seen.push(row, get())
      return seen
    }),
  'for await over thenables': () =>
    inA(async () => {
      const seen: unknown[] = []
      for await (const row of [query(1), eager()]) seen.push(row, get())
      return seen
    }),
  'Array.fromAsync over thenables': () =>
    inA(async () => [await Array.fromAsync([query(1), eager()]), get()]),
  'the order of jobs': async () => {
    const seen: string[] = []
    const log = (text: string) => () => void seen.push(text)
    const waits: PromiseLike<void> = {
      then: (resolve) => {
        seen.push('then')
        return resolve?.(undefined) as never
      },
    }
    const all = [
      Promise.resolve().then(log('1')).then(log('2')).then(log('3')).then(log('4')).then(log('5')),
      Promise.resolve(waits).then(log('thenable')),
      new Promise((resolve) => resolve(Promise.resolve())).then(log('promise')),
      Promise.resolve()
        .then(() => waits)
        .then(log('returned')),
      (async () => {
        await null
        seen.push('await')
      })(),
    ]
    await Promise.all(all)
    return seen
  },
  'promises are promises': () => {
    const made = new Promise(() => {})
    const own = new OwnPromise(() => {})
    return [
      made.constructor === Promise,
      made instanceof Promise,
      own instanceof OwnPromise,
      own instanceof Promise,
      own.then(() => {}) instanceof OwnPromise,
      (async () => {})().constructor === Promise,
      (async () => {})() instanceof Promise,
      Promise.resolve(made) === made,
      OwnPromise.resolve(own) === own,
      Promise.name,
      Promise.length,
      Object.prototype.toString.call(made),
      Object.getPrototypeOf(made) === Promise.prototype,
      Promise.prototype.constructor === Promise,
      Promise.prototype.then.name,
      Promise.prototype.then.length,
      (() => {
        try {
          return Reflect.apply(Promise, undefined, [() => {}])
        } catch (error) {
          return (error as Error).name
        }
      })(),
    ]
  },
}
