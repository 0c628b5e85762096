import type { Context } from '../../context.ts'
import { exportedStubs } from './loopback.ts'

/** Cloudflare's ExecutionContext over ours. */
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

  /** @throws always: there is no one Worker to end. */
  abort(reason?: unknown): void {
    throw new Error('ctx.abort() is not supported outside of Cloudflare. Throw the error.', { cause: reason })
  }

  /** The Worker's own entrypoints. */
  get exports(): Readonly<Record<string, unknown>> {
    return exportedStubs()
  }
}

/** Contexts of the events that are being handled, the newest last. */
const live: WorkerContext[] = []

/** Runs an event's handler; while it does, `waitUntil` of `cloudflare:workers` belongs to it. */
export async function withContext<T>(ctx: WorkerContext, work: () => T | Promise<T>): Promise<T> {
  live.push(ctx)
  latest = ctx
  try {
    return await work()
  } finally {
    live.splice(live.lastIndexOf(ctx), 1)
  }
}

/** The newest event's context; undefined outside of one. */
export function newestContext(): WorkerContext | undefined {
  return live.at(-1)
}

let latest: WorkerContext | undefined

/**
 * The newest event's context, also once its handler has returned: work that `waitUntil` keeps may add more.
 * Undefined before the first event.
 */
export function latestContext(): WorkerContext | undefined {
  return newestContext() ?? latest
}

/** The newest event's context. @throws outside of one. */
export function currentContext(): WorkerContext {
  const ctx = newestContext()
  if (ctx === undefined)
    throw new Error('waitUntil() can only be called from within the handling of an event.')
  return ctx
}
