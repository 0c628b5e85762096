/** Stand-in for `cloudflare:workers`; builds with `--worker` put this module in its place. */
import { currentContext } from './context.ts'
import { exportedStubs } from './loopback.ts'
import { state } from './state.ts'

export { DurableObject, WorkerEntrypoint } from './entrypoint.ts'
export { RpcTarget } from './rpc-target.ts'

/** `env` of `cloudflare:workers`: the same object that the Worker's handlers get. */
export const env: Record<string, unknown> = new Proxy(
  {},
  {
    get: (_, name) => Reflect.get(state.env, name) as unknown,
    set: (_, name, value) => Reflect.set(state.env, name, value),
    has: (_, name) => name in state.env,
    ownKeys: () => Reflect.ownKeys(state.env),
    getOwnPropertyDescriptor(_, name) {
      const found = Reflect.getOwnPropertyDescriptor(state.env, name)
      // The target of the Proxy for the Worker's env is empty, so the Proxy must report every property as
      // configurable.
      return found === undefined ? undefined : { ...found, configurable: true }
    },
  },
)

/** `waitUntil` of `cloudflare:workers`: keeps the current event alive until the promise settles. */
export function waitUntil(promise: Promise<unknown>): void {
  currentContext().waitUntil(promise)
}

/** `exports` of `cloudflare:workers`: stubs of the Worker's own entrypoints. */
export const exports: Readonly<Record<string, unknown>> = new Proxy(
  {},
  {
    get: (_, name) => Reflect.get(exportedStubs(), name) as unknown,
    has: (_, name) => name in exportedStubs(),
    ownKeys: () => Reflect.ownKeys(exportedStubs()),
    getOwnPropertyDescriptor(_, name) {
      const found = Reflect.getOwnPropertyDescriptor(exportedStubs(), name)
      return found === undefined ? undefined : { ...found, configurable: true }
    },
  },
)

/** Base class of Cloudflare Workflows. @throws always, since Workflows run on Cloudflare only. */
// oxlint-disable-next-line typescript/no-extraneous-class -- a class that Workers extend
export class WorkflowEntrypoint {
  constructor() {
    throw new Error('Workflows are not supported outside of Cloudflare. Use a queue or a cron.')
  }
}
