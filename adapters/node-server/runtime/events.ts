/**
 * Tracks the event that code runs for: a request, a batch of messages, a cron's time. The event stays known
 * in everything that its code starts: awaits, timers, microtasks, listeners. An uncaught error is therefore
 * attributed to its event and does not end a process that serves others.
 */
import process from 'node:process'
import type { AsyncLocalStorage, AsyncResource } from 'node:async_hooks'

/** One event of an app, with a name for the log of its uncaught errors. */
export interface AppEvent {
  /** Name of the event in the log: `GET http://example.com/`, `queue jobs`. */
  name: string
  /** Called with each error of the event that nothing caught, after it was logged. */
  uncaught?(error: unknown): void
}

// node:async_hooks is not imported: an import evaluates all lazy exports of a built-in, and a cold start on
// Lambda would pay for that.
let storage: AsyncLocalStorage<AppEvent | undefined> | undefined

/** Loads the AsyncLocalStorage that {@link runEvent} needs, so that the first event does not wait for it. */
export function prepareEvents(): AsyncLocalStorage<AppEvent | undefined> {
  return (storage ??= new (process.getBuiltinModule('node:async_hooks').AsyncLocalStorage)())
}

/**
 * Runs `work`, and all that it starts, as part of an app's `event`. If `event` is undefined, `work` belongs
 * to no event.
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

/** Sets the name of the current event, for callers that learn the name only while the event runs. */
export function nameEvent(name: string): void {
  const event = currentEvent()
  if (event !== undefined) event.name = name
}

let Resource: typeof AsyncResource | undefined

/**
 * Binds `callback` to the current event, so that it keeps this event and all other values of the async
 * context wherever it is called from. `AsyncResource.bind` takes 25 times as long (1.1 us), because it
 * defines properties of the function.
 */
export function keepEvent<F extends (...args: never[]) => unknown>(callback: F): F {
  Resource ??= process.getBuiltinModule('node:async_hooks').AsyncResource
  const context = new Resource('unmoor')
  return ((...args: never[]) => context.runInAsyncScope(callback as never, undefined, ...args)) as F
}

/** Errors of an app's events that were logged, each with the event that it was logged for. */
const logged = new WeakMap<object, AppEvent>()

/**
 * Returns true if `error` has to be logged; false if the current event has logged the same error before, as
 * one promise may fail both a handler and its `waitUntil` work.
 */
export function isNews(error: unknown): boolean {
  const event = currentEvent()
  if (event === undefined || typeof error !== 'object' || error === null) return true
  if (logged.get(error) === event) return false
  logged.set(error, event)
  return true
}

/** Logs the rejection of a `waitUntil` promise of the current event. */
export function waitUntilFailed(
  error: unknown,
  log: (message: string, error: unknown) => void = (message, cause) => console.error(message, cause),
): void {
  if (isNews(error)) log(`${currentEvent()?.name ?? 'An event'}: waitUntil promise rejected:`, error)
}

/** Options of {@link catchUncaught}, which handles uncaught errors of the process. */
export interface UncaughtOptions {
  /**
   * Called with an uncaught error that belongs to no event of an app, which leaves the process in an unknown
   * state.
   */
  noEvent: (error: unknown, what: string) => void
  /** Returns true for uncaught thrown values that are to be ignored. Default: none. */
  ignore?: (error: unknown, what: string) => boolean
  /** Called with an uncaught error of an event. Default: console.error. */
  log?: (message: string, error: unknown) => void
}

/**
 * Handles every uncaught error of the process. An error of an event is logged with that event's name and ends
 * nothing.
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
 * Ignores failing writes to stdout and stderr once nobody reads them: logging such a failure would fail
 * again, without end. Called at the first error and not earlier, because it opens both streams.
 */
function ignoreLostOutput(): void {
  if (ignoresLostOutput) return
  ignoresLostOutput = true
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}
