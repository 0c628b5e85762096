import type { Context } from '../context.ts'
import { exportedStubs } from './loopback.ts'
import { state } from './state.ts'

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

/** Runs an event's handler; while it does, `waitUntil` of `cloudflare:workers` belongs to it. */
export async function withContext<T>(ctx: WorkerContext, work: () => T | Promise<T>): Promise<T> {
  state.live.push(ctx)
  try {
    return await work()
  } finally {
    state.live.splice(state.live.lastIndexOf(ctx), 1)
  }
}

/** The newest event's context. @throws outside of one. */
export function currentContext(): WorkerContext {
  const ctx = state.live.at(-1)
  if (ctx === undefined) throw new Error('waitUntil() can only be called from within the handling of an event.')
  return ctx
}
