import type { WorkerContext } from './context.ts'

/**
 * Base class of a Worker's entrypoints: one instance per event. Other Workers can call its public methods.
 */
export abstract class WorkerEntrypoint<Env = unknown, Props = unknown> {
  protected ctx: WorkerContext & { props: Props }
  protected env: Env

  constructor(ctx: WorkerContext, env: Env) {
    this.ctx = ctx as WorkerContext & { props: Props }
    this.env = env
  }
}

/** Base class of a Worker's Durable Object classes (`DurableObject` of `cloudflare:workers`). */
export abstract class DurableObject<Env = unknown> {
  protected ctx: unknown
  protected env: Env

  constructor(ctx: unknown, env: Env) {
    this.ctx = ctx
    this.env = env
  }
}

type Handler = (...args: unknown[]) => unknown

/**
 * Object that handles a Worker's event: a new instance of a class, or a plain object of handlers, which
 * receive env and context as arguments.
 */
export interface Target {
  readonly instance: Record<string, unknown>
  readonly isClass: boolean
}

/** Returns the entrypoint that a Worker's module exports under a name; undefined if there is none. */
export function openEntrypoint(
  module: Readonly<Record<string, unknown>>,
  name: string,
  ctx: WorkerContext,
  env: unknown,
): Target | undefined {
  const exported = module[name]
  if (typeof exported === 'function') {
    const Class = exported as new (ctx: unknown, env: unknown) => Record<string, unknown>
    return { instance: new Class(ctx, env), isClass: true }
  }
  return typeof exported === 'object' && exported !== null
    ? { instance: exported as Record<string, unknown>, isClass: false }
    : undefined
}

/** True if an export of a Worker's module has a handler for the event. */
export function handles(exported: unknown, event: string): boolean {
  const holder =
    typeof exported === 'function'
      ? (exported.prototype as Record<string, unknown> | undefined)
      : (exported as Record<string, unknown> | null | undefined)
  return typeof holder?.[event] === 'function'
}

/** Calls the handler of a Worker's event on its target, an entrypoint class or a plain object. */
export function callHandler(
  target: Target,
  event: string,
  payload: unknown,
  env: unknown,
  ctx: WorkerContext,
): unknown {
  const handler = target.instance[event]
  if (typeof handler !== 'function') throw new Error(`Handler does not export a ${event}() function.`)
  return target.isClass
    ? (handler as Handler).call(target.instance, payload)
    : (handler as Handler).call(target.instance, payload, env, ctx)
}
