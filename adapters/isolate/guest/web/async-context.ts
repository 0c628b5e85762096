/**
 * Where `node:async_hooks` (`guest/node/async-context.ts`), in apps that import it, learns of the callbacks
 * that the web API itself calls later.
 */

/** What keeps an app's context. */
export interface ContextKeeper {
  /** Tells the build that a bundle holds it (`adapters/isolate/build/build.ts`). */
  readonly mark: 'unmoor:async-context'
  /** The callback as one that runs in the context of now. */
  keep<F extends (...args: never[]) => unknown>(callback: F): F
  /** An entry into the isolate is over: no context goes on to the next. */
  leave(): void
}

let keeper: ContextKeeper | undefined

/** Sets what keeps contexts; once, before the app's own code. */
export function setContextKeeper(given: ContextKeeper): void {
  keeper = given
}

/** The callback as one that runs in the context of now. */
export function keepContext<F extends (...args: never[]) => unknown>(callback: F): F {
  return keeper === undefined ? callback : keeper.keep(callback)
}

/** Ends the context that code of this entry may have left behind (`enterWith`). */
export function leaveContext(): void {
  keeper?.leave()
}
