/* oxlint-disable unicorn/no-thenable, typescript/await-thenable -- thenables are what these cases ask */
/** Cases about AsyncLocalStorage along thenables and callbacks, and about built-ins loaded by name. */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { EventEmitter } from 'node:events'
import { equal } from '../assert.ts'
import { insideCases } from '../case.ts'

const storage = new AsyncLocalStorage<string>()
const current = (): string => storage.getStore() ?? 'none'

/**
 * Returns a thenable that runs when it is awaited, as queries of Knex, Drizzle or Prisma do. It resolves to
 * the AsyncLocalStorage contexts that it ran in.
 */
function query(): PromiseLike<string> {
  return {
    then(resolve, reject) {
      const began = current()
      return Promise.resolve()
        .then(() => `${began} ${current()}`)
        .then(resolve, reject)
    },
  }
}

/** Runs `work` in the AsyncLocalStorage context `a`. Resolves to its result and the context after it. */
async function inA(work: () => unknown): Promise<[unknown, string]> {
  return storage.run('a', async () => [await work(), current()])
}

export const contextCases = insideCases('runtime', [
  {
    id: 'runtime-63',
    contract:
      'AsyncLocalStorage reaches a thenable that is awaited, in Promise.all and its like, or returned.',
    async run() {
      const ways: Readonly<Record<string, () => unknown>> = {
        awaited: () => query(),
        'in Promise.all': async () => (await Promise.all([query(), null]))[0],
        'in Promise.race': () => Promise.race([query(), new Promise<never>(() => {})]),
        'returned from an async function': async () => query(),
        'returned from an async function that waited': async () => {
          await Promise.resolve()
          return query()
        },
        'awaited after another': async () => {
          await query()
          return await query()
        },
      }
      for (const [way, work] of Object.entries(ways)) equal(await inA(work), ['a a', 'a'], way)
    },
  },
  {
    id: 'runtime-64',
    contract: 'AsyncLocalStorage reaches a thenable that a promise is resolved with, and one within another.',
    async run() {
      const ways: Readonly<Record<string, () => unknown>> = {
        'by Promise.resolve': () => Promise.resolve(query()),
        'by the constructor': () => new Promise((resolve) => resolve(query())),
        'from then': () => Promise.resolve().then(() => query()),
        'from catch': () => Promise.reject(new Error('x')).catch(() => query()),
        'within a thenable': () => ({ then: (resolve: (value: unknown) => void) => resolve(query()) }),
        'in for await': async () => {
          for await (const answer of [query()]) return answer
          return 'nothing'
        },
        'of a generator': async () => {
          async function* answers(): AsyncGenerator<unknown> {
            yield query()
          }
          for await (const answer of answers()) return answer
          return 'nothing'
        },
      }
      for (const [way, work] of Object.entries(ways)) equal(await inA(work), ['a a', 'a'], way)
      // Concurrent calls keep their own AsyncLocalStorage contexts, also while they wait for each other.
      const apart = ['p', 'q', 'r'].map((name) =>
        storage.run(name, async () => [await query(), await query()]),
      )
      equal(
        await Promise.all(apart),
        ['p', 'q', 'r'].map((name) => [`${name} ${name}`, `${name} ${name}`]),
        'several at once',
      )
    },
  },
  {
    id: 'runtime-65',
    contract: 'AsyncLocalStorage reaches timers, microtasks, listeners, bound functions and snapshots.',
    async run() {
      const seen = await storage.run('a', async () => {
        const later = (start: (done: () => void) => unknown): Promise<string> =>
          new Promise((resolve) => start(() => resolve(current())))
        const emitter = new EventEmitter()
        const heard: string[] = []
        storage.run('b', () => emitter.on('event', () => heard.push(current())))
        emitter.emit('event')
        const bound = storage.run('b', () => AsyncResource.bind(current))
        const snapshot = storage.run('c', () => AsyncLocalStorage.snapshot())
        return [
          await later((done) => setTimeout(done, 1)),
          await later((done) => queueMicrotask(done)),
          await later((done) => setImmediate(done)),
          await later((done) => process.nextTick(done)),
          heard[0],
          bound(),
          snapshot(current),
          storage.exit(current),
          await storage.exit(async () => {
            await query()
            return current()
          }),
          current(),
        ]
      })
      equal(seen, ['a', 'a', 'a', 'a', 'a', 'b', 'c', 'none', 'none', 'a'], 'contexts')
      equal(current(), 'none', 'after all')
    },
  },
  {
    id: 'runtime-66',
    contract: 'Built-ins come by name at run time: import() that the bundler left, process.getBuiltinModule.',
    async run() {
      const hooks = await import(/* @vite-ignore */ 'node:async_hooks')
      equal(hooks.AsyncLocalStorage === AsyncLocalStorage, true, 'import() with a comment')
      const name = 'node:events'
      const events = (await import(/* webpackIgnore: true */ /* @vite-ignore */ name)) as {
        EventEmitter: unknown
      }
      equal(events.EventEmitter === EventEmitter, true, 'import() of a constant')
      equal(
        [
          process.getBuiltinModule('node:async_hooks').AsyncLocalStorage === AsyncLocalStorage,
          globalThis.process.getBuiltinModule('events').EventEmitter === EventEmitter,
          process.getBuiltinModule('no-such-module') === undefined,
        ],
        [true, true, true],
        'process.getBuiltinModule',
      )
    },
  },
  {
    id: 'runtime-67',
    contract: 'What is written to a CompressionStream and closed before anybody reads ends.',
    async run() {
      for (const format of ['gzip', 'deflate', 'deflate-raw'] as const) {
        const compressed = await writtenFirst(
          new CompressionStream(format),
          new TextEncoder().encode('packed'),
        )
        const text = await writtenFirst(new DecompressionStream(format), compressed)
        equal(new TextDecoder().decode(text), 'packed', format)
      }
    },
  },
])

async function writtenFirst(
  { readable, writable }: { readable: ReadableStream; writable: WritableStream },
  bytes: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const writer = writable.getWriter()
  await writer.write(bytes)
  await writer.close()
  return new Uint8Array(await new Response(readable).arrayBuffer())
}
