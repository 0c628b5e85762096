import type { Context } from '../../context.ts'
import { asInterface } from './interface.ts'
import { exportedStubs } from './loopback.ts'

/** Cloudflare's ExecutionContext over the portable Context. */
export class WorkerContext {
  readonly props: unknown
  #ctx: Pick<Context, 'waitUntil' | 'passThroughOnException'>

  constructor(ctx: Pick<Context, 'waitUntil' | 'passThroughOnException'>, props: unknown = {}) {
    this.#ctx = ctx
    this.props = props
  }

  waitUntil(promise: Promise<unknown>): void {
    this.#ctx.waitUntil(promise)
  }

  passThroughOnException(): void {
    this.#ctx.passThroughOnException()
  }

  /** `ctx.abort()` of a Worker is not supported. @throws always, since there is no single Worker to end. */
  abort(reason?: unknown): void {
    throw new Error('ctx.abort() is not supported outside of Cloudflare. Throw the error.', { cause: reason })
  }

  /** Stubs of the Worker's own entrypoints (`ctx.exports`). */
  get exports(): Readonly<Record<string, unknown>> {
    return exportedStubs()
  }
}

asInterface(WorkerContext, 'ExecutionContext', { sync: { waitUntil: ['Promise'] } })

/** Contexts of the events that the Worker is handling, newest last. */
const live: WorkerContext[] = []

/** Runs a Worker's event handler. Meanwhile `waitUntil` of `cloudflare:workers` belongs to this event. */
export async function withContext<T>(ctx: WorkerContext, work: () => T | Promise<T>): Promise<T> {
  live.push(ctx)
  latest = ctx
  try {
    return await work()
  } finally {
    live.splice(live.lastIndexOf(ctx), 1)
  }
}

/** Returns the context of the Worker's newest event; undefined outside of events. */
export function newestContext(): WorkerContext | undefined {
  return live.at(-1)
}

let latest: WorkerContext | undefined

/**
 * Returns the context of the Worker's newest event, also after its handler has returned: work under
 * `waitUntil` may add more promises. Undefined before the first event.
 */
export function latestContext(): WorkerContext | undefined {
  return newestContext() ?? latest
}

/** Returns the context of the Worker's newest event. @throws outside of events. */
export function currentContext(): WorkerContext {
  const ctx = newestContext()
  if (ctx === undefined)
    throw new Error('waitUntil() can only be called from within the handling of an event.')
  return ctx
}
