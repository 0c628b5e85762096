import { createNamespace } from './durable/namespace.ts'
import { createSelfService } from './service.ts'
import { serialize } from './structured.ts'

/**
 * What `ctx.exports` is: a stub of each entrypoint, which is called for one with other props, and the
 * namespace of each class of Durable Objects.
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

/** A stub that is a function as well: `stub({ props })`. */
function callable(stub: object, type: string, specialize: (props: object) => object): object {
  const call = (...args: readonly unknown[]): object => specialize(propsOf(type, args))
  // A function that `new` takes too, as workerd's stubs do.
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
  // They must be what another process could be given.
  serialize(props)
  return props
}
