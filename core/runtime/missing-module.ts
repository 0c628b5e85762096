/**
 * What an artifact holds in place of a Node built-in that its target lacks and an installed package imports:
 * most packages never come to use it there.
 */
import { UnmoorError } from '../errors.ts'

/**
 * A stand-in for `name` of the built-in `module` (`node:os`), or for the whole module. It can be imported,
 * passed on, inherited from and asked for its members; a call, a `new` and any use as a value throw
 * `Unsupported`. Members that are `data` (`os.EOL`, `fs.constants`) are as on Node, as many packages read
 * such while they load.
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
      `The target "${target}" has no ${path}. A package that the app uses has reached it: leave that part ` +
        'of the package out, replace the package, or build for a target that has it (node, lambda).',
      { operation: path, details: { capability: 'node.builtins' } },
    )
  }
  const members = new Map<string, unknown>()
  return new Proxy(function () {}, {
    apply: refuse,
    construct: refuse,
    get(stub, key, receiver) {
      if (key === Symbol.toPrimitive) return refuse
      // A promise's own question, and what `class extends` and `instanceof` ask.
      if (typeof key === 'symbol' || key === 'prototype') return Reflect.get(stub, key, receiver) as unknown
      if (key === 'then' || key === '__esModule') return undefined
      if (key === 'name') return name ?? module
      if (key === 'default' && name === undefined) return receiver
      if (Object.hasOwn(data, key)) return data[key]
      if (!members.has(key))
        members.set(key, missingBuiltin(module, target, name === undefined ? key : `${name}.${key}`))
      return members.get(key)
    },
  })
}
