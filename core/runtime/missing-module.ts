/**
 * Stand-in that a build puts where an installed package imports a Node built-in that the target lacks. Most
 * packages never use that built-in on the target.
 */
import { UnmoorError } from '../errors.ts'

/**
 * Returns a stand-in for the member `name` of the built-in `module` (such as `node:os`), or for the whole
 * module. Code can import it, pass it on, inherit from it and read its members. Calling it, constructing it,
 * or using it as a value throws `Unsupported`. Members that are plain data (`os.EOL`, `fs.constants`) have
 * Node's values, because many packages read them while they load.
 */
export function missingBuiltin(
  module: string,
  target: string,
  name?: string,
  data: Readonly<Record<string, unknown>> = {},
): unknown {
  const path = name === undefined ? module : `${module}.${name}`
  const refuse = (): never => {
    throw new UnmoorError(
      'Unsupported',
      `The target "${target}" has no ${path}. The app, or a package that it uses, has reached it: leave ` +
        'that part out, replace the package, or build for a target that has it (node, lambda).',
      { operation: path, details: { capability: 'node.builtins' } },
    )
  }
  const members = new Map<string, unknown>()
  return new Proxy(function () {}, {
    apply: refuse,
    construct: refuse,
    get(stub, key, receiver) {
      if (key === Symbol.toPrimitive) return refuse
      // Reading `then` (by `await`), `prototype` or symbols such as `Symbol.hasInstance` (by `class extends`
      // and `instanceof`) from a Node built-in's stand-in is no use of the built-in, so it does not throw.
      if (typeof key === 'symbol' || key === 'prototype') return Reflect.get(stub, key, receiver) as unknown
      if (key === 'then' || key === '__esModule') return undefined
      if (key === 'name') return name ?? module
      // Packages read a function's `length` to wrap it while they load, as `denodeify(fs.readFile)` does.
      if (key === 'length' && name !== undefined) return stub.length
      if (key === 'default' && name === undefined) return receiver
      if (Object.hasOwn(data, key)) return data[key]
      if (!members.has(key))
        members.set(key, missingBuiltin(module, target, name === undefined ? key : `${name}.${key}`))
      return members.get(key)
    },
  })
}
