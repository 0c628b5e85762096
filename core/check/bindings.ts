import type { Names } from './scope.ts'
import { bare, keyOf, nameOf, propertiesOf, walk, type Node } from './syntax.ts'

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

/** The types of `unmoor` that a parameter may be annotated with. */
const TYPES: Readonly<Record<string, KnownBinding>> = {
  Kv: { kind: 'kv' },
  StrongKv: { kind: 'kv', strong: true },
  Blobs: { kind: 'blob' },
  Sql: { kind: 'sql' },
  Queue: { kind: 'queue' },
  Cache: { kind: 'cache' },
}

/** The binding that an expression is: `env.links`, `c.env.links`, a name destructured from there, or a parameter of type `Kv`. */
export function bindingOf(node: Node, names: Names, bindings: KnownBindings, depth = 0): KnownBinding | undefined {
  const expression = bare(node)
  if (depth > 10) return undefined
  if (expression.type === 'MemberExpression') {
    const name = keyOf(expression)
    const known = name === undefined ? undefined : bindings.get(name)
    return known !== undefined && isEnv(expression['object'] as Node, names, depth + 1) ? known : undefined
  }
  if (expression.type !== 'Identifier') return undefined
  const declaration = names.find(expression)
  if (declaration === undefined || declaration.path === undefined) return undefined
  const { path, type, init } = declaration
  if (path.length === 0) {
    if (type !== undefined && Object.hasOwn(TYPES, type)) return TYPES[type]
    return init === undefined || declaration.kind !== 'const' ? undefined : bindingOf(init, names, bindings, depth + 1)
  }
  const known = bindings.get(path.at(-1) as string)
  if (known === undefined) return undefined
  const before = path.slice(0, -1)
  if (before.length > 0) return isEnvName(before.at(-1) as string) ? known : undefined
  if (init !== undefined) return isEnv(init, names, depth + 1) ? known : undefined
  // A destructured parameter: the env of a handler is its second.
  return declaration.index === 1 || type?.endsWith('Env') === true ? known : undefined
}

function isEnv(node: Node, names: Names, depth: number): boolean {
  const expression = bare(node)
  if (depth > 10) return false
  if (expression.type === 'MemberExpression') return isEnvName(keyOf(expression) ?? '')
  if (expression.type !== 'Identifier') return false
  if (isEnvName(expression['name'] as string)) return true
  const declaration = names.find(expression)
  if (declaration?.kind === 'parameter') return /(^|[a-z])Env$/.test(declaration.type ?? '')
  if (declaration?.path !== undefined && declaration.path.length > 0) return isEnvName(declaration.path.at(-1) as string)
  return declaration?.init !== undefined && isEnv(declaration.init, names, depth + 1)
}

function isEnvName(name: string): boolean {
  return name === 'env' || name === 'Bindings'
}
