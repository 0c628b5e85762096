/** `node:diagnostics_channel` in an isolate. */

type Subscriber = (message: unknown, name: string | symbol) => void
const channels = new Map<string | symbol, Channel>()

export class Channel {
  readonly name: string | symbol
  #subscribers: Subscriber[] = []

  constructor(name: string | symbol) {
    this.name = name
  }
  get hasSubscribers(): boolean {
    return this.#subscribers.length > 0
  }
  subscribe(subscriber: Subscriber): void {
    this.#subscribers = [...this.#subscribers, subscriber]
  }
  unsubscribe(subscriber: Subscriber): boolean {
    const index = this.#subscribers.indexOf(subscriber)
    if (index >= 0) this.#subscribers = this.#subscribers.toSpliced(index, 1)
    return index >= 0
  }
  /**
   * Tells the subscribers, one after the other; what one throws is reported and does not reach the publisher.
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

/** Five channels that follow one action. */
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
    this.start.publish(context)
    try {
      return (context['result'] = Reflect.apply(work, self, args))
    } catch (error) {
      this.#failed(context, error)
      throw error
    } finally {
      this.end.publish(context)
    }
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

  #begin(work: Work, context: Record<string, unknown>, self: unknown, args: readonly unknown[]): unknown {
    this.start.publish(context)
    try {
      return Reflect.apply(work, self, args)
    } finally {
      this.end.publish(context)
    }
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
export default diagnostics
export { diagnostics as 'module.exports' }
