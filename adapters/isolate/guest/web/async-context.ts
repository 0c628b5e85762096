/**
 * Connects the web API to `node:async_hooks` (`guest/node/async-context.ts`) in apps that import it:
 * callbacks that the web API calls later are wrapped to keep their async context.
 */

/** Keeps an app's async context (of `node:async_hooks`) across callbacks. */
export interface ContextKeeper {
  /** Lets the build recognise a bundle that holds a context keeper (`adapters/isolate/build/build.ts`). */
  readonly mark: 'unmoor:async-context'
  /** Wraps a callback to run in the current async context. */
  keep<F extends (...args: never[]) => unknown>(callback: F): F
  /** Called at the end of an entry into the isolate, so that no async context leaks into the next entry. */
  leave(): void
}

let keeper: ContextKeeper | undefined

/** Sets the keeper of async contexts; called once, before the app's own code runs. */
export function setContextKeeper(given: ContextKeeper): void {
  keeper = given
}

/** Wraps a callback to run in the current async context. */
export function keepContext<F extends (...args: never[]) => unknown>(callback: F): F {
  return keeper === undefined ? callback : keeper.keep(callback)
}

/** Drops an async context that code of this entry into the isolate left behind with `enterWith`. */
export function leaveContext(): void {
  keeper?.leave()
}
