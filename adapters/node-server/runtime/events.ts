/**
 * Tracks the event that code runs for: a request, a batch of messages, a cron's time. It stays known in
 * everything that the event's code starts: awaits, timers, microtasks, listeners. So an error that nothing
 * caught is the event's alone, and not the end of a process that answers others.
 */
import process from 'node:process'
import type { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

/** One event, as far as its errors go. */
export interface AppEvent {
  /** For the log: `GET http://example.com/`, `queue jobs`. */
  name: string
  /** Hears of each error of the event that nothing caught, once it is logged. */
  uncaught?(error: unknown): void
}

// Not imported: an import evaluates all lazy exports of a built-in, which a cold start on Lambda would pay.
let storage: AsyncLocalStorage<AppEvent | undefined> | undefined

/** Loads what {@link runEvent} needs, which the first event would wait for otherwise. */
export function prepareEvents(): AsyncLocalStorage<AppEvent | undefined> {
  return (storage ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)())
}

/** Runs `work` and all that it starts as part of `event`; of no event where that is undefined. */
export function runEvent<Args extends unknown[], Result>(
  event: AppEvent | undefined,
  work: (...args: Args) => Result,
  ...args: Args
): Result {
  return (storage ?? prepareEvents()).run(event, work, ...args)
}

/** The event whose code is running, if it is one's. */
export function currentEvent(): AppEvent | undefined {
  return storage?.getStore()
}

/** Says what the present event is, where that is found out within it. */
export function nameEvent(name: string): void {
  const event = currentEvent()
  if (event !== undefined) event.name = name
}

let Resource: typeof AsyncResource | undefined

/**
 * `callback`, to be called later by code of no event, as part of the present one; other values of this
 * context stay with it too. Not `AsyncResource.bind`, which takes 25 times as long (1.1 us): it defines
 * properties of the function.
 */
export function keepEvent<F extends (...args: never[]) => unknown>(callback: F): F {
  Resource ??= process.getBuiltinModule('node:async_hooks').AsyncResource
  const context = new Resource('unmoor')
  return ((...args: never[]) => context.runInAsyncScope(callback as never, undefined, ...args)) as F
}

/** Errors that are in the log, and for which event. */
const logged = new WeakMap<object, AppEvent>()

/**
 * True if `error` is to be logged; false where the present event has logged this very error before. A promise
 * may fail a handler and its `waitUntil` work, and both tell of it.
 */
export function isNews(error: unknown): boolean {
  const event = currentEvent()
  if (event === undefined || typeof error !== 'object' || error === null) return true
  if (logged.get(error) === event) return false
  logged.set(error, event)
  return true
}

/** Logs what a `waitUntil` promise of the present event was rejected with. */
export function waitUntilFailed(
  error: unknown,
  log: (message: string, error: unknown) => void = (message, cause) => console.error(message, cause),
): void {
  if (isNews(error)) log(`${currentEvent()?.name ?? 'An event'}: waitUntil promise rejected:`, error)
}

/** Options of {@link catchUncaught}. */
export interface UncaughtOptions {
  /** Given an error of no event: nobody knows what state the process is in. */
  noEvent: (error: unknown, what: string) => void
  /** Tells of what is no error. Default: all are. */
  ignore?: (error: unknown, what: string) => boolean
  /** Given an event's error. Default: console.error. */
  log?: (message: string, error: unknown) => void
}

/** Takes every error that nothing caught: one of an event is logged with it and ends nothing. */
export function catchUncaught({
  noEvent,
  ignore = () => false,
  log = (message, error) => console.error(message, error),
}: UncaughtOptions): void {
  const take =
    (what: string) =>
    (error: unknown): void => {
      ignoreLostOutput()
      if (ignore(error, what)) return
      const event = currentEvent()
      if (event === undefined) return noEvent(error, what)
      if (isNews(error)) log(`${event.name}: ${what}:`, error)
      event.uncaught?.(error)
    }
  process.on('unhandledRejection', take('unhandled rejection'))
  process.on('uncaughtException', take('uncaught exception'))
}

let ignoresLostOutput = false

/**
 * Lets writes to stdout and stderr fail where nobody reads them any more. To log such a failure would be the
 * next one, and the process would do nothing else. Not before the first error: it makes both streams.
 */
function ignoreLostOutput(): void {
  if (ignoresLostOutput) return
  ignoresLostOutput = true
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}
