import { RpcTarget } from './rpc-target.ts'
import { deserialize, serialize } from './structured.ts'

/**
 * A value as a callee in the same process gets it: a copy of data; functions, targets, streams, requests and
 * responses are handed over as they are.
 */
export function passValue(value: unknown): unknown {
  return isReference(value) ? value : deserialize(serialize(value))
}

function isReference(value: unknown): boolean {
  return (
    typeof value === 'function' ||
    value instanceof RpcTarget ||
    value instanceof Request ||
    value instanceof Response ||
    value instanceof ReadableStream ||
    value instanceof WritableStream ||
    value instanceof Headers
  )
}

/**
 * An object with a method `fetch` and, by any other name, calls of remote methods. It is no promise, however
 * often it is awaited.
 */
export function createStub<Known extends object>(
  known: Known,
  call: (method: string, args: readonly unknown[]) => Promise<unknown>,
): Known {
  const methods = new Map<string, unknown>()
  return new Proxy(known, {
    get(target, name) {
      if (typeof name === 'symbol' || name in target) return Reflect.get(target, name) as unknown
      if (name === 'then' || name === 'catch' || name === 'finally' || name === 'toJSON') return undefined
      let method = methods.get(name)
      if (method === undefined) methods.set(name, (method = (...args: unknown[]) => call(name, args)))
      return method
    },
  })
}

let stubs: Readonly<Record<string, unknown>> = {}

/** Stubs of the Worker's own entrypoints and namespaces, by export: `ctx.exports`. */
export function exportedStubs(): Readonly<Record<string, unknown>> {
  return stubs
}

export function setExportedStubs(created: Readonly<Record<string, unknown>>): void {
  stubs = created
}
