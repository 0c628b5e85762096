import { createNamespace } from './durable/namespace.ts'
import { createSelfService } from './service.ts'
import { serialize } from './structured.ts'

/**
 * Creates a Worker's `ctx.exports`: a stub of each entrypoint, callable to obtain a stub with other props,
 * and the namespace of each Durable Object class.
 */
export function createExports(
  module: Readonly<Record<string, unknown>>,
  objectClasses: readonly string[],
): Record<string, unknown> {
  const exports: Record<string, unknown> = {}
  for (const [name, exported] of Object.entries(module)) {
    if (typeof exported !== 'function' && (typeof exported !== 'object' || exported === null)) continue
    exports[name] = objectClasses.includes(name)
      ? callable(createNamespace(name), 'LoopbackDurableObjectNamespace', () => Object.freeze({}))
      : callable(createSelfService(name, {}), 'LoopbackServiceStub', (props) =>
          createSelfService(name, props),
        )
  }
  return exports
}

/** Makes a stub of `ctx.exports` callable: `stub({ props })` returns a stub with other props. */
function callable(stub: object, type: string, specialize: (props: object) => object): object {
  const call = (...args: readonly unknown[]): object => specialize(propsOf(type, args))
  // The Proxy target of a callable stub is a function that can also be called with `new`, like workerd's
  // stubs.
  const target = function loopback(): void {}
  return new Proxy(target, {
    apply: (_target, _self, args: unknown[]) => call(...args),
    construct: (_target, args: unknown[]) => call(...args),
    get: (_target, name) => Reflect.get(stub, name) as unknown,
    has: (_target, name) => Reflect.has(stub, name),
  })
}

function propsOf(type: string, args: readonly unknown[]): object {
  const [options] = args
  if (args.length === 0 || (typeof options !== 'object' && typeof options !== 'function'))
    throw new TypeError(
      `Failed to execute '(called as function)' on '${type}': parameter 1 is not of type 'Options'.`,
    )
  const { props } = (options ?? {}) as { props?: unknown }
  if (props === undefined) return {}
  if (typeof props !== 'object' || props === null)
    throw new TypeError(
      "Incorrect type for the 'props' field on 'Options': the provided value is not of type 'Object'.",
    )
  // Props of an entrypoint's stub must be serializable, as if another process received them.
  serialize(props)
  return props
}
