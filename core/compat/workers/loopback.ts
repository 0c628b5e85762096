import { member } from './references.ts'

/**
 * Creates an RPC stub of a Worker's entrypoint or Durable Object: the members of `known`, and remote methods
 * under any other name. `call` without arguments reads a property. Awaiting a stub returns the stub itself.
 */
export function createStub<Known extends object>(
  known: Known,
  call: (method: string, args: readonly unknown[] | undefined) => Promise<unknown>,
): Known {
  const methods = new Map<string, unknown>()
  return new Proxy(known, {
    get(target, name) {
      if (typeof name === 'symbol' || name in target) return Reflect.get(target, name) as unknown
      if (name === 'then' || name === 'catch' || name === 'finally' || name === 'toJSON') return undefined
      let method = methods.get(name)
      if (method === undefined) {
        method = member(
          () => call(name, undefined),
          (args) => call(name, args),
        )
        methods.set(name, method)
      }
      return method
    },
  })
}

let stubs: Readonly<Record<string, unknown>> = {}

/** Returns the stubs of the Worker's own entrypoints and namespaces, by export name (`ctx.exports`). */
export function exportedStubs(): Readonly<Record<string, unknown>> {
  return stubs
}

export function setExportedStubs(created: Readonly<Record<string, unknown>>): void {
  stubs = created
}
