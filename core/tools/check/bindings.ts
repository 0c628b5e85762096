import { bare, nameOf, objectOf, propertiesOf, walk, type Node } from '../build/syntax.ts'

/** Facts about a binding of the checked app, from its declaration in the source. */
export interface KnownBinding {
  readonly kind: string
  /** True for a kv binding with strong consistency. */
  readonly strong?: boolean
  /** True for a sockets binding with `largeMessages`. */
  readonly large?: boolean
}

/** Bindings that the checked app declares, by name. */
export type KnownBindings = ReadonlyMap<string, KnownBinding>

const KINDS: ReadonlySet<string> = new Set([
  'kv',
  'blob',
  'sql',
  'queue',
  'cache',
  'secret',
  'variable',
  'service',
  'assets',
  'sockets',
])

/** Returns the bindings that one file declares in `defineBindings({ ... })`, by name. */
export function declaredBindings(program: Node): Map<string, KnownBinding & { node: Node }> {
  const found = new Map<string, KnownBinding & { node: Node }>()
  walk(program, (node) => {
    if (node.type !== 'CallExpression' || nameOf(node.callee) !== 'defineBindings') return
    const object = objectOf(node.arguments[0])
    if (object === undefined) return
    for (const [name, property] of propertiesOf(object)) {
      const call = bare(property.value)
      const kind = call.type === 'CallExpression' ? nameOf(call.callee) : undefined
      if (call.type !== 'CallExpression' || kind === undefined || !KINDS.has(kind)) continue
      const options = objectOf(call.arguments[0])
      const consistency = options === undefined ? undefined : propertiesOf(options).get('consistency')?.value
      const strong = consistency?.type === 'Literal' && consistency.value === 'strong'
      const largeMessages =
        options === undefined ? undefined : propertiesOf(options).get('largeMessages')?.value
      const large = largeMessages?.type === 'Literal' && largeMessages.value === true
      found.set(name, { kind, node: property, ...(strong ? { strong } : {}), ...(large ? { large } : {}) })
    }
  })
  return found
}
