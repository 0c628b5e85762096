import { bare, nameOf, propertiesOf, walk, type Node } from './syntax.ts'

/** What is known of a binding from its declaration in the source. */
export interface KnownBinding {
  readonly kind: string
  /** A kv with strong consistency. */
  readonly strong?: boolean
}

/** Declared bindings by name. */
export type KnownBindings = ReadonlyMap<string, KnownBinding>

const KINDS: ReadonlySet<string> = new Set(['kv', 'blob', 'sql', 'queue', 'cache', 'secret', 'variable', 'service', 'assets'])

/** The declarations in `defineBindings({ ... })` of one file. */
export function declaredBindings(program: Node): Map<string, KnownBinding & { node: Node }> {
  const found = new Map<string, KnownBinding & { node: Node }>()
  walk(program, (node) => {
    if (node.type !== 'CallExpression' || nameOf(node['callee']) !== 'defineBindings') return
    const [object] = node['arguments'] as Node[]
    if (object === undefined || bare(object).type !== 'ObjectExpression') return
    for (const [name, property] of propertiesOf(bare(object))) {
      const call = bare(property['value'] as Node)
      const kind = call.type === 'CallExpression' ? nameOf(call['callee']) : undefined
      if (kind === undefined || !KINDS.has(kind)) continue
      const options = (call['arguments'] as Node[])[0]
      const consistency = options?.type === 'ObjectExpression' ? propertiesOf(options).get('consistency') : undefined
      const strong = consistency !== undefined && (consistency['value'] as Node)['value'] === 'strong'
      found.set(name, { kind, node: property, ...(strong ? { strong } : {}) })
    }
  })
  return found
}
