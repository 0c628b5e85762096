/** `node:diagnostics_channel` in an isolate. */
import { refused } from './refused.ts'

/** A store that a channel of node:diagnostics_channel can bind: an AsyncLocalStorage. */
interface Store {
  run<R>(value: unknown, work: () => R): R
}
type Subscriber = (message: unknown, name: string | symbol) => void
const channels = new Map<string | symbol, Channel>()

export class Channel {
  readonly name: string | symbol
  #subscribers: Subscriber[] = []
  #stores = new Map<Store, ((data: unknown) => unknown) | undefined>()

  constructor(name: string | symbol) {
    this.name = name
  }
  get hasSubscribers(): boolean {
    return this.#subscribers.length > 0 || this.#stores.size > 0
  }
  subscribe(subscriber: Subscriber): void {
    this.#subscribers = [...this.#subscribers, subscriber]
  }
  unsubscribe(subscriber: Subscriber): boolean {
    const index = this.#subscribers.indexOf(subscriber)
    if (index >= 0) this.#subscribers = this.#subscribers.toSpliced(index, 1)
    return index >= 0
  }
  bindStore(store: Store, transform?: (data: unknown) => unknown): void {
    this.#stores.set(store, transform)
  }
  unbindStore(store: Store): boolean {
    return this.#stores.delete(store)
  }
  /**
   * Runs `work` inside the stores bound to the diagnostics channel, each with its transform of `data`, and
   * publishes `data` there.
   */
  runStores<R>(data: unknown, work: (...args: never[]) => R, self?: unknown, ...args: unknown[]): R {
    let run = (): R => {
      this.publish(data)
      return Reflect.apply(work, self, args)
    }
    for (const [store, transform] of this.#stores) {
      const inner = run
      run = () => {
        let value = data
        try {
          if (transform !== undefined) value = transform(data)
        } catch (error) {
          reportError(error)
          return inner()
        }
        return store.run(value, inner)
      }
    }
    return run()
  }
  /**
   * Calls the diagnostics channel's subscribers in order. An error thrown by a subscriber is reported and
   * does not reach the publisher.
   */
  publish(message: unknown): void {
    for (const subscriber of this.#subscribers) {
      try {
        subscriber(message, this.name)
      } catch (error) {
        reportError(error)
      }
    }
  }
}

export function channel(name: string | symbol): Channel {
  const known = channels.get(name) ?? new Channel(name)
  channels.set(name, known)
  return known
}
export function subscribe(name: string | symbol, subscriber: Subscriber): void {
  channel(name).subscribe(subscriber)
}
export function unsubscribe(name: string | symbol, subscriber: Subscriber): boolean {
  return channel(name).unsubscribe(subscriber)
}
export function hasSubscribers(name: string | symbol): boolean {
  return channels.get(name)?.hasSubscribers === true
}

const EVENTS = ['start', 'end', 'asyncStart', 'asyncEnd', 'error'] as const
type Event = (typeof EVENTS)[number]
type Work = (...args: never[]) => unknown
type Handlers = Partial<Record<Event, Subscriber>>

/** `TracingChannel` of node:diagnostics_channel: five channels that trace one action. */
export class TracingChannel {
  declare readonly start: Channel
  declare readonly end: Channel
  declare readonly asyncStart: Channel
  declare readonly asyncEnd: Channel
  declare readonly error: Channel

  constructor(name: string | Record<Event, Channel>) {
    for (const event of EVENTS)
      Object.assign(this, {
        [event]: typeof name === 'string' ? channel(`tracing:${name}:${event}`) : name[event],
      })
  }
  get hasSubscribers(): boolean {
    return EVENTS.some((event) => this[event].hasSubscribers)
  }
  subscribe(handlers: Handlers): void {
    for (const event of EVENTS) if (handlers[event] !== undefined) this[event].subscribe(handlers[event])
  }
  unsubscribe(handlers: Handlers): boolean {
    return (
      EVENTS.filter((event) => handlers[event] !== undefined && !this[event].unsubscribe(handlers[event]))
        .length === 0
    )
  }
  traceSync(work: Work, context: Record<string, unknown> = {}, self?: unknown, ...args: unknown[]): unknown {
    return this.start.runStores(context, () => {
      try {
        return (context['result'] = Reflect.apply(work, self, args))
      } catch (error) {
        this.#failed(context, error)
        throw error
      } finally {
        this.end.publish(context)
      }
    })
  }
  async tracePromise(
    work: Work,
    context: Record<string, unknown> = {},
    self?: unknown,
    ...args: unknown[]
  ): Promise<unknown> {
    try {
      const promise = this.#begin(work, context, self, args)
      context['result'] = await promise
      this.asyncStart.publish(context)
      return context['result']
    } catch (error) {
      this.#failed(context, error)
      throw error
    } finally {
      this.asyncEnd.publish(context)
    }
  }

  /**
   * Traces a call of `work`, whose callback is the argument at index `position`, on the channels of a
   * TracingChannel.
   */
  traceCallback(
    work: Work,
    position = -1,
    context: Record<string, unknown> = {},
    self?: unknown,
    ...args: unknown[]
  ): unknown {
    const index = position < 0 ? args.length + position : position
    const callback = args[index]
    if (typeof callback !== 'function')
      throw Object.assign(new TypeError('The "callback" argument must be of type function.'), {
        code: 'ERR_INVALID_ARG_TYPE',
      })
    const { asyncStart, asyncEnd } = this
    const failed = (error: unknown): void => this.#failed(context, error)
    args[index] = function (this: unknown, error: unknown, result: unknown): unknown {
      if (error !== null && error !== undefined) failed(error)
      else context['result'] = result
      return asyncStart.runStores(context, () => {
        try {
          return Reflect.apply(callback, this, [error, result]) as unknown
        } finally {
          asyncEnd.publish(context)
        }
      })
    }
    try {
      return this.#begin(work, context, self, args)
    } catch (error) {
      this.#failed(context, error)
      throw error
    }
  }

  #begin(work: Work, context: Record<string, unknown>, self: unknown, args: readonly unknown[]): unknown {
    return this.start.runStores(context, () => {
      try {
        return Reflect.apply(work, self, args)
      } finally {
        this.end.publish(context)
      }
    })
  }
  #failed(context: Record<string, unknown>, error: unknown): void {
    context['error'] = error
    this.error.publish(context)
  }
}

export function tracingChannel(name: string | Record<Event, Channel>): TracingChannel {
  return new TracingChannel(name)
}

const diagnostics = { Channel, channel, hasSubscribers, subscribe, tracingChannel, unsubscribe }
const lacks = (name: string): ((...args: never[]) => never) => refused('diagnostics_channel', name)
export const BoundedChannel = /* @__PURE__ */ lacks('BoundedChannel')
export const boundedChannel = /* @__PURE__ */ lacks('boundedChannel')
export default diagnostics
export { diagnostics as 'module.exports' }
