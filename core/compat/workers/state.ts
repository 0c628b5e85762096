import type { WorkerSpec } from './spec.ts'
import type { WorkerWebSockets } from './web-sockets/hooks.ts'

/**
 * The Worker of this process: there is one per artifact. The generated entry sets it before the Worker's own
 * modules run, as those may use `env` at once.
 */
interface State {
  /** Follows critical sections through asynchronous code; undefined without Durable Objects. */
  sections: ContextStore | undefined
  spec: WorkerSpec | undefined
  /** The Worker's env, in Cloudflare's shapes. */
  env: Record<string, unknown>
  /** The app's env, in unmoor's; there once the first event has come. */
  portable: Readonly<Record<string, unknown>> | undefined
  /** The Worker's exports. */
  module: Readonly<Record<string, unknown>>
  /** Set by the module of the Worker's WebSockets; undefined for a Worker that names none. */
  webSockets: WorkerWebSockets | undefined
  /** What a build tells of the Worker, which it can be built with. */
  warnings: string[]
}

/** What is used of Node's AsyncLocalStorage. */
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
 * The unmoor binding of that name. @throws where no event has come yet: bindings cannot be used in the global
 * scope.
 */
export function portable<T>(binding: string): T {
  if (state.portable === undefined)
    throw new Error(
      'Disallowed operation called within global scope. Asynchronous I/O (ex: fetch() or connect()), ' +
        'setting a timeout, and generating random values are not allowed within global scope.',
    )
  return state.portable[binding] as T
}

/** The spec of the running Worker. @throws Error if the generated entry did not run first. */
export function currentSpec(): WorkerSpec {
  if (state.spec === undefined)
    throw new Error('unmoor/internal/workers was used outside of a build with --worker.')
  return state.spec
}
