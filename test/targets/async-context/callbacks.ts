/* oxlint-disable unicorn/no-unnecessary-await, unicorn/prefer-add-event-listener, typescript/await-thenable, typescript/unbound-method -- thenables and what is odd about them are what is tested */
/** AsyncLocalStorage, AsyncResource and what calls back later, case by case: each function returns data. */
import { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'
import { EventEmitter, on, once } from 'node:events'
import { PassThrough, Readable, Writable } from 'node:stream'
import { setImmediate as immediate, setTimeout as nodeTimeout } from 'node:timers'
import { setTimeout as sleep } from 'node:timers/promises'
import { callbackify, promisify } from 'node:util'
import { eager, get, inA, other, query, storage } from './tools.ts'

function valueOf(this: { v?: unknown }): unknown {
  return this.v
}

export const CALLBACKS: Readonly<Record<string, () => unknown>> = {
  'run gives what the callback returns, with its arguments': () =>
    storage.run('a', (...args: unknown[]) => [get(), ...args], 1, 2),
  'run within run': () =>
    inA(() => [storage.run('b', get), get(), storage.run(undefined, () => storage.getStore() === undefined)]),
  'two storages': () =>
    inA(() => other.run('o', async () => [get(), other.getStore(), await null, get(), other.getStore()])),
  'a context that was left by an error': () => {
    try {
      inA(() => {
        throw new Error('x')
      })
    } catch {}
    return get()
  },
  exit: () =>
    inA(async () => [
      storage.exit(() => storage.getStore() === undefined),
      get(),
      await storage.exit(async () => (await null, storage.getStore() === undefined)),
      get(),
    ]),
  'enterWith holds to the end of the function and in what it began': () =>
    inA(async () => {
      const child = async (): Promise<unknown> => {
        storage.enterWith('c')
        await null
        return get()
      }
      const first = child()
      const between = get()
      return [await first, between, get()]
    }),
  'enterWith after an await stays in that function': () =>
    inA(async () => {
      const child = async (): Promise<unknown> => {
        await null
        storage.enterWith('c')
        await null
        return get()
      }
      return [await child(), get()]
    }),
  'enterWith within run': () => [
    other.run('o', () => {
      storage.enterWith('entered')
      return get()
    }),
    get(),
    storage.exit(() => get()),
  ],
  'enterWith in a timer stays there': async () => {
    const seen: unknown[] = []
    await new Promise<void>((resolve) =>
      setTimeout(() => {
        storage.enterWith('t')
        seen.push(get())
        setTimeout(() => (seen.push(get()), resolve()), 1)
      }, 1),
    )
    await new Promise<void>((resolve) => setTimeout(resolve, 1))
    return [...seen, get()]
  },
  'enterWith in a microtask stays there': async () => {
    queueMicrotask(() => storage.enterWith('m'))
    await null
    await null
    return get()
  },
  'a default value and a name': () => {
    const named = new AsyncLocalStorage<unknown>({ defaultValue: 'd', name: 'n' })
    return [
      named.name,
      named.getStore(),
      named.run('x', () => named.getStore()),
      named.run(undefined, () => named.getStore() ?? 'none'),
      named.exit(() => named.getStore() ?? 'none'),
      new AsyncLocalStorage().name ?? 'none',
    ]
  },
  disable: () => {
    const own = new AsyncLocalStorage<unknown>()
    return own.run('x', () => {
      own.disable()
      return [own.getStore() ?? 'none', own.run('y', () => own.getStore())]
    })
  },
  'AsyncLocalStorage.bind and snapshot': () => {
    const [bound, snapshot] = inA(() => [
      AsyncLocalStorage.bind(function (this: unknown, ...args: never[]) {
        return [get(), ...args, (this as { me?: unknown } | undefined)?.me ?? 'none']
      }),
      AsyncLocalStorage.snapshot(),
    ])
    return storage.run('b', () => [
      Reflect.apply(bound, { me: 'this' }, [1, 2]),
      bound.length,
      snapshot((...args: never[]) => [get(), ...args], 3 as never),
      get(),
    ])
  },
  'AsyncResource runs where it was made': () => {
    const resource = inA(() => new AsyncResource('R'))
    return storage.run('b', () => [
      resource.runInAsyncScope(
        function (this: unknown, ...args: number[]) {
          return [get(), this, ...args]
        } as never,
        'self',
        1,
        2,
      ),
      resource.bind(get)(),
      Reflect.apply(resource.bind(valueOf), { v: 'caller' }, []),
      Reflect.apply(
        Reflect.apply(resource.bind, resource, [valueOf, { v: 'given' }]) as () => unknown,
        {},
        [],
      ),
      resource.bind((_a: unknown, _b: unknown) => {}).length,
      AsyncResource.bind(get)(),
      AsyncResource.bind(
        function (this: unknown) {
          return this
        },
        'T',
        'self' as never,
      )(),
      resource.emitDestroy() === resource,
      typeof resource.asyncId(),
      typeof resource.triggerAsyncId(),
      get(),
    ])
  },
  'AsyncResource refuses what is none': () => {
    const refused = (work: () => unknown): unknown => {
      try {
        return [work()]
      } catch (error) {
        const { name, code } = error as { name: string; code?: string }
        return [name, code]
      }
    }
    return [
      refused(() => new AsyncResource(1 as never)),
      refused(() => AsyncResource.bind(1 as never)),
      refused(() => AsyncLocalStorage.bind(1 as never)),
      refused(() => storage.run('x', 1 as never)),
    ]
  },
  'a class of resources': () => {
    class Job extends AsyncResource {
      #done: (value: unknown) => unknown
      constructor(done: (value: unknown) => unknown) {
        super('Job')
        this.#done = done
      }
      finish(value: unknown): unknown {
        return this.runInAsyncScope(this.#done, null, value)
      }
    }
    const job = inA(() => new Job((value) => [value, get()]))
    return [job.finish(1), get()]
  },

  'listeners of an emitter run where it emits': () => {
    const emitter = new EventEmitter()
    const seen: unknown[] = []
    inA(() => emitter.on('x', () => seen.push(get())))
    storage.run('b', () => emitter.emit('x'))
    emitter.emit('x')
    return seen
  },
  'events.once and events.on': () =>
    inA(async () => {
      const emitter = new EventEmitter()
      setTimeout(() => storage.run('b', () => emitter.emit('x', 1)), 1)
      const [value] = (await once(emitter, 'x')) as unknown[]
      setTimeout(() => storage.run('b', () => emitter.emit('y', 2)), 1)
      for await (const [next] of on(emitter, 'y')) return [value, next, get()]
      return 'ended'
    }),
  'timers, of the web and of Node': () =>
    inA(
      () =>
        new Promise((resolve) => {
          const seen: unknown[] = []
          setTimeout(() => {
            seen.push(get())
            nodeTimeout(() => {
              seen.push(get())
              immediate(() => {
                seen.push(get())
                setImmediate(() => {
                  seen.push(get())
                  const interval = setInterval(() => {
                    clearInterval(interval)
                    seen.push(get())
                    void sleep(1).then(() => {
                      seen.push(get())
                      resolve(seen)
                    })
                  }, 1)
                })
              })
            }, 1)
          }, 1)
        }),
    ),
  'microtasks and ticks': () =>
    inA(
      () =>
        new Promise((resolve) =>
          queueMicrotask(() => {
            const seen = [get()]
            process.nextTick((given: unknown) => resolve([...seen, given, get()]), 'given')
          }),
        ),
    ),
  'promisify and callbackify': () =>
    inA(async () => {
      const read = promisify((value: unknown, done: (error: null, value: unknown) => void) =>
        setTimeout(() => storage.run('b', () => done(null, value)), 1),
      )
      const value = await read(1)
      const called = await new Promise((resolve) =>
        callbackify(async () => get())((_error: unknown, result: unknown) => resolve([result, get()])),
      )
      return [value, get(), called]
    }),
  'events of the web run where they are dispatched': () => {
    const target = new EventTarget()
    const seen: unknown[] = []
    inA(() => target.addEventListener('x', () => seen.push(get())))
    storage.run('b', () => target.dispatchEvent(new Event('x')))
    const controller = new AbortController()
    inA(() => controller.signal.addEventListener('abort', () => seen.push(get())))
    storage.run('b', () => controller.abort())
    return seen
  },
  'AbortSignal.timeout runs where it was made': () =>
    new Promise((resolve) => {
      const signal = inA(() => AbortSignal.timeout(1))
      storage.run('b', () => signal.addEventListener('abort', () => resolve(get())))
      // Keeps Node awake: it does not wait for such a timer.
      setTimeout(() => {}, 100)
    }),
  "Node's streams": () =>
    inA(async () => {
      const seen: unknown[] = []
      const through = new PassThrough()
      const out = new Writable({
        write(_chunk, _encoding, done) {
          seen.push(['write', get()])
          setTimeout(done, 1)
        },
        final(done) {
          seen.push(['final', get()])
          done()
        },
      })
      const source = new Readable({
        read() {
          seen.push(['read', get()])
          this.push('x')
          this.push(null)
        },
      })
      await new Promise<void>((resolve) => {
        out.on('finish', () => {
          seen.push(['finish', get()])
          resolve()
        })
        source.pipe(through).pipe(out)
      })
      for await (const chunk of Readable.from(['y'])) seen.push([chunk, get()])
      return seen
    }),
  'streams of the web': () =>
    inA(async () => {
      const seen: unknown[] = []
      const source = new ReadableStream(
        {
          start() {
            seen.push(['start', get()])
          },
          pull(controller) {
            seen.push(['pull', get()])
            controller.enqueue('x')
            controller.close()
          },
        },
        { highWaterMark: 0 },
      )
      const through = new TransformStream({
        transform(chunk, controller) {
          seen.push(['transform', get()])
          controller.enqueue(chunk)
        },
        flush() {
          seen.push(['flush', get()])
        },
      })
      await source.pipeThrough(through).pipeTo(
        new WritableStream({
          write() {
            seen.push(['write', get()])
          },
          close() {
            seen.push(['close', get()])
          },
        }),
      )
      return [...seen, get()]
    }),
  'what a body and its stream give': () =>
    inA(async () => {
      const text = await new Response('x').text()
      const reader = new Response('yz').body?.getReader()
      const chunk = await reader?.read()
      return [text, chunk?.value?.length, get()]
    }),
  'a source that gives thenables': () =>
    inA(async () => {
      const source = new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array([1]))
          controller.close()
          return eager() as never
        },
      })
      return [(await new Response(source).bytes()).length, get()]
    }),
  'messages between ports': () =>
    new Promise((resolve) => {
      const { port1, port2 } = new MessageChannel()
      port2.onmessage = ({ data }) => {
        port1.close()
        resolve([data, get()])
      }
      inA(() => port1.postMessage('hi'))
    }),
  'messages to a port that was made in a context': () =>
    new Promise((resolve) => {
      const { port1, port2 } = inA(() => new MessageChannel())
      storage.run('b', () => {
        port2.onmessage = ({ data }) => {
          port1.close()
          resolve([data, get()])
        }
      })
      storage.run('c', () => port1.postMessage('hi'))
    }),
  'a context holds through a deep chain': () =>
    inA(async () => {
      let depth = 0
      const down = async (left: number): Promise<unknown> => {
        depth++
        await (left % 2 === 0 ? null : query())
        return left === 0 ? get() : down(left - 1)
      }
      return [await down(20), depth]
    }),
  'many at once keep apart': async () => {
    const work = async (name: string): Promise<boolean> => {
      for (let index = 0; index < 5; index++) {
        if (get() !== name) return false
        await (index % 2 === 0 ? query() : sleep(index))
      }
      return get() === name
    }
    return Promise.all(['p', 'q', 'r', 's'].map((name) => storage.run(name, () => work(name))))
  },
}
