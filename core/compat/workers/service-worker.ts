/**
 * The Service Worker syntax of Workers: `addEventListener('fetch', ...)`, with bindings as global variables.
 * The listeners become the handlers of a module.
 */
import {
  type CronController,
  type EventContext,
  ExtendableEvent,
  FetchEvent,
  INTERNAL,
  ScheduledEvent,
} from './events.ts'
import { state } from './state.ts'

/** Events of a Worker; listeners of all other events belong to the global object. */
const EVENTS = ['fetch', 'scheduled', 'queue', 'email', 'tail', 'trace'] as const
type WorkerEvent = (typeof EVENTS)[number]

const target = new EventTarget()
const listened = new Set<WorkerEvent>()

function isWorkerEvent(type: string): type is WorkerEvent {
  return (EVENTS as readonly string[]).includes(type)
}

type Listener = EventListenerOrEventListenerObject | null

/**
 * Replaces the global addEventListener and removeEventListener so that they collect the Worker's listeners,
 * and defines the env as global variables.
 */
export function installServiceWorker(): void {
  const scope = globalThis as Partial<EventTarget>
  const { addEventListener: add, removeEventListener: remove } = scope
  const define = (name: string, value: unknown): void => {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true })
  }
  define('addEventListener', (type: string, listener: Listener, options?: AddEventListenerOptions) => {
    if (!isWorkerEvent(type)) return add?.call(globalThis, type, listener, options)
    listened.add(type)
    target.addEventListener(type, listener, options)
  })
  define('removeEventListener', (type: string, listener: Listener, options?: EventListenerOptions) =>
    isWorkerEvent(type)
      ? target.removeEventListener(type, listener, options)
      : remove?.call(globalThis, type, listener, options),
  )
  for (const name of Object.keys(state.env))
    Object.defineProperty(globalThis, name, {
      get: () => state.env[name],
      set(value: unknown) {
        define(name, value)
      },
      configurable: true,
    })
}

/**
 * Returns a Service Worker's handlers as a module would export them: one for each event that has a listener.
 */
export function serviceWorkerHandlers(): Readonly<Record<string, unknown>> {
  const handlers: Record<WorkerEvent, (payload: never, env: unknown, ctx: EventContext) => unknown> = {
    async fetch(request: Request, _env, ctx) {
      const event = new FetchEvent(INTERNAL, request, ctx)
      target.dispatchEvent(event)
      if (event.answer !== undefined) return event.answer
      throw new Error('No listener of the fetch event called event.respondWith().')
    },
    scheduled(controller: CronController, _env, ctx) {
      const waiting = gather(ctx)
      target.dispatchEvent(new ScheduledEvent(INTERNAL, controller, waiting.ctx))
      return waiting.done()
    },
    queue(batch: object, _env, ctx) {
      const waiting = gather(ctx)
      const event = new ExtendableEvent(INTERNAL, 'queue', waiting.ctx)
      for (const name of ['queue', 'messages', 'metadata'])
        Object.defineProperty(event, name, { get: () => Reflect.get(batch, name) as unknown })
      for (const name of ['ackAll', 'retryAll'])
        Object.defineProperty(event, name, {
          value: (...args: unknown[]) =>
            (Reflect.get(batch, name) as (...args: unknown[]) => void).apply(batch, args),
        })
      target.dispatchEvent(event)
      return waiting.done()
    },
    email: () => undefined,
    tail: () => undefined,
    trace: () => undefined,
  }
  return Object.fromEntries(Object.entries(handlers).filter(([type]) => listened.has(type as WorkerEvent)))
}

/** Collects the `waitUntil` promises of a Worker's event; a rejection fails the event. */
function gather(ctx: EventContext): { ctx: EventContext; done(): Promise<void> } {
  const promises: Promise<unknown>[] = []
  return {
    ctx: {
      waitUntil(promise) {
        promises.push(promise)
        ctx.waitUntil(promise)
      },
    },
    async done() {
      for (const promise of promises) await promise
    },
  }
}
