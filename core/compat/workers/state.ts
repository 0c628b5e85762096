import type { WorkerSpec } from './spec.ts'
import type { WorkerWebSockets } from './web-sockets/hooks.ts'

/**
 * State of the Worker in this process, one per artifact. The generated entry sets it before the Worker's own
 * modules run, as they may use `env` at once.
 */
interface State {
  /**
   * AsyncLocalStorage that tracks critical sections through asynchronous code; undefined without Durable
   * Objects.
   */
  sections: ContextStore | undefined
  spec: WorkerSpec | undefined
  /** The Worker's env, with bindings in Cloudflare's shapes. */
  env: Record<string, unknown>
  /** The unmoor app's own env, with portable classes; set at the Worker's first event. */
  portable: Readonly<Record<string, unknown>> | undefined
  /** Exports of the Worker's main module. */
  module: Readonly<Record<string, unknown>>
  /** WebSocket support; undefined for a Worker that uses no WebSockets. */
  webSockets: WorkerWebSockets | undefined
  /** Warnings about the Worker that a build prints. */
  warnings: string[]
}

/** The methods of Node's AsyncLocalStorage that the Worker's state uses. */
export interface ContextStore {
  run<T>(value: unknown, work: () => T): T
  getStore(): unknown
}

export const state: State = {
  sections: undefined,
  spec: undefined,
  env: {},
  portable: undefined,
  module: {},
  webSockets: undefined,
  warnings: [],
}

/**
 * Returns the portable binding behind a Worker's binding. @throws before the first event, since bindings
 * cannot be used in the global scope.
 */
export function portable<T>(binding: string): T {
  if (state.portable === undefined)
    throw new Error(
      'Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), ' +
        'setting a timeout, and generating random values are not allowed within global scope.',
    )
  return state.portable[binding] as T
}

/** Returns the spec of the running Worker. @throws Error if the build's generated entry did not run first. */
export function currentSpec(): WorkerSpec {
  if (state.spec === undefined)
    throw new Error('unmoor/internal/workers was used outside of a build with --worker.')
  return state.spec
}
