/**
 * Tracks the event that code runs for: a request, a batch of messages, a cron's time. It stays known in
 * everything that the event's code starts: awaits, timers, microtasks, listeners. So an error that nothing
 * caught is the event's alone, and not the end of a process that answers others.
 */
import process from 'node:process'
import type { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

/** One event and its name, for errors that nothing caught. */
export interface AppEvent {
  /** Name of the event in the log: `GET http://example.com/`, `queue jobs`. */
  name: string
  /** Called with each error of the event that nothing caught, after it was logged. */
  uncaught?(error: unknown): void
}

// node:async_hooks is not imported: an import evaluates all lazy exports of a built-in, and a cold start on
// Lambda would pay for that.
let storage: AsyncLocalStorage<AppEvent | undefined> | undefined

/** Loads what {@link runEvent} needs, so that the first event does not wait for it. */
export function prepareEvents(): AsyncLocalStorage<AppEvent | undefined> {
  return (storage ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)())
}

/**
 * Runs `work`, and all that it starts, as part of `event`. If `event` is undefined, the work belongs to no
 * event.
 */
export function runEvent<Args extends unknown[], Result>(
  event: AppEvent | undefined,
  work: (...args: Args) => Result,
  ...args: Args
): Result {
  return (storage ?? prepareEvents()).run(event, work, ...args)
}

/** Returns the event whose code is running; undefined if the code belongs to none. */
export function currentEvent(): AppEvent | undefined {
  return storage?.getStore()
}

/** Sets the name of the present event, for callers that learn it only while the event runs. */
export function nameEvent(name: string): void {
  const event = currentEvent()
  if (event !== undefined) event.name = name
}

let Resource: typeof AsyncResource | undefined

/**
 * Binds `callback` to the present event, so that code of no event can call it later; the callback also keeps
 * all other values of the async context. `AsyncResource.bind` takes 25 times as long (1.1 us), because it
 * defines properties of the function.
 */
export function keepEvent<F extends (...args: never[]) => unknown>(callback: F): F {
  Resource ??= process.getBuiltinModule('node:async_hooks').AsyncResource
  const context = new Resource('unmoor')
  return ((...args: never[]) => context.runInAsyncScope(callback as never, undefined, ...args)) as F
}

/** Errors that were logged, each with the event for which it was. */
const logged = new WeakMap<object, AppEvent>()

/**
 * Returns true if `error` has to be logged, and false if the present event has logged the same error before:
 * one promise may fail both a handler and its `waitUntil` work.
 */
export function isNews(error: unknown): boolean {
  const event = currentEvent()
  if (event === undefined || typeof error !== 'object' || error === null) return true
  if (logged.get(error) === event) return false
  logged.set(error, event)
  return true
}

/** Logs the reason for which a `waitUntil` promise of the present event was rejected. */
export function waitUntilFailed(
  error: unknown,
  log: (message: string, error: unknown) => void = (message, cause) => console.error(message, cause),
): void {
  if (isNews(error)) log(`${currentEvent()?.name ?? 'An event'}: waitUntil promise rejected:`, error)
}

/** Options of {@link catchUncaught}. */
export interface UncaughtOptions {
  /** Called with an error that belongs to no event, after which nobody knows the state of the process. */
  noEvent: (error: unknown, what: string) => void
  /** Returns true for values that are no error and should be ignored. Default: all are errors. */
  ignore?: (error: unknown, what: string) => boolean
  /** Called with an error of an event. Default: console.error. */
  log?: (message: string, error: unknown) => void
}

/**
 * Handles every error that nothing caught. An error of an event is logged with that event and ends nothing.
 */
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
 * Ignores failing writes to stdout and stderr when nobody reads them any more. Logging such a failure would
 * fail again, without end. It is called at the first error and not earlier, because it opens both streams.
 */
function ignoreLostOutput(): void {
  if (ignoresLostOutput) return
  ignoresLostOutput = true
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}
