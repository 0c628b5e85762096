/** What one pass over the modules notes, so that values can be followed backwards. */
import type { Declaration } from './scope.ts'
import type { SourceFile } from './source-file.ts'
import { bare, children, isNode, keyOf, nameOf, walk, type Node } from './syntax.ts'

/** An expression and the module in which it stands. */
export interface Value {
  readonly node: Node
  readonly file: SourceFile
}

/** The class or object that a `this` stands in. */
export interface Owner {
  readonly node: Node
  readonly isStatic: boolean
}

export interface ValueIndex {
  /** Calls and `new`. */
  readonly calls: readonly Value[]
  /** By `this` and `super`. */
  readonly owners: ReadonlyMap<Node, Owner>
  /** What variables are set to after their declaration. */
  readonly assigned: ReadonlyMap<Declaration, readonly Value[]>
  /** What `this.name = ...` and `object.name = ...` set, by class, object or declaration, and name. */
  readonly members: ReadonlyMap<Node | Declaration, ReadonlyMap<string, readonly Value[]>>
  /** `c.set('name', value)` of Hono's context, by name. */
  readonly variables: ReadonlyMap<string, readonly Value[]>
  /** Functions that a platform calls with an env as the second argument: `fetch`, `scheduled` and the like. */
  readonly handlers: readonly Handler[]
}

export interface Handler extends Value {
  /** Whether its first argument is a request. */
  readonly isFetch: boolean
}

export function indexValues(files: Iterable<SourceFile>): ValueIndex {
  const calls: Value[] = []
  const owners = new Map<Node, Owner>()
  const assigned = new Map<Declaration, Value[]>()
  const members = new Map<Node | Declaration, Map<string, Value[]>>()
  const variables = new Map<string, Value[]>()
  const handlers: Handler[] = []
  for (const file of files) {
    walk(file.program, (node, above) => {
      if (node.type === 'ThisExpression' || node.type === 'Super') {
        const owner = ownerOf(above)
        if (owner !== undefined) owners.set(node, owner)
      }
      if (node.type === 'CallExpression' || node.type === 'NewExpression') {
        calls.push({ node, file })
        const variable = contextVariable(node, 'set', file)
        const value = (node['arguments'] as Node[])[1]
        if (variable !== undefined && value !== undefined) add(variables, variable, { node: value, file })
        if (nameOf(node['callee']) === 'defineApp') handlers.push(...handlersOf((node['arguments'] as Node[])[0], file))
      }
      if (node.type === 'ExportDefaultDeclaration') handlers.push(...handlersOf(node['declaration'] as Node, file))
    })
    // Who a `this` is must be known before what is set on it.
    walk(file.program, (node) => {
      if (node.type !== 'AssignmentExpression' || !['=', '??=', '||='].includes(node['operator'] as string)) return
      const value = { node: node['right'] as Node, file }
      const left = bare(node['left'] as Node)
      const declaration = left.type === 'Identifier' ? file.names.find(left) : undefined
      if (declaration !== undefined) add(assigned, declaration, value)
      const name = left.type === 'MemberExpression' ? keyOf(left) : undefined
      if (name === undefined) return
      const object = bare(left['object'] as Node)
      const of = object.type === 'ThisExpression' ? owners.get(object)?.node : object.type === 'Identifier' ? file.names.find(object) : undefined
      if (of === undefined) return
      const known = members.get(of) ?? new Map<string, Value[]>()
      members.set(of, known)
      add(known, name, value)
    })
  }
  return { calls, owners, assigned, members, variables, handlers }
}

function add<Key>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const known = map.get(key)
  if (known === undefined) map.set(key, [value])
  else known.push(value)
}

/** The class or object literal whose method or field a `this` stands in; its parents come nearest last. */
function ownerOf(above: readonly Node[]): Owner | undefined {
  for (let at = above.length - 1; at > 0; at--) {
    const node = above[at] as Node
    const parent = above[at - 1] as Node
    if (node.type === 'PropertyDefinition') return { node: above[at - 2] as Node, isStatic: node['static'] === true }
    if (node.type === 'FunctionDeclaration' || node.type === 'StaticBlock') return undefined
    if (node.type !== 'FunctionExpression') continue
    // A class body lies between a method and its class.
    if (parent.type === 'MethodDefinition') return { node: above[at - 3] as Node, isStatic: parent['static'] === true }
    return parent.type === 'Property' ? { node: above[at - 2] as Node, isStatic: false } : undefined
  }
  return undefined
}

/** The name in `c.set('name', ...)`, `c.get('name')` where `c` is a parameter, as Hono's context is. */
export function contextVariable(call: Node, method: 'get' | 'set', file: SourceFile): string | undefined {
  const callee = bare(call['callee'] as Node)
  if (callee.type !== 'MemberExpression' || keyOf(callee) !== method || !isParameter(callee['object'] as Node, file)) return undefined
  const [name] = call['arguments'] as Node[]
  return name?.type === 'Literal' && typeof name['value'] === 'string' ? name['value'] : undefined
}

export function isParameter(node: Node, file: SourceFile): boolean {
  const object = bare(node)
  return object.type === 'Identifier' && file.names.find(object)?.kind === 'parameter'
}

/** Handlers in what `defineApp` is given, or in what a Worker exports. */
function handlersOf(given: Node | undefined, file: SourceFile): Handler[] {
  const object = given === undefined ? undefined : bare(given)
  if (object?.type !== 'ObjectExpression') return []
  return (object['properties'] as Node[]).flatMap((property) => {
    const value = property.type === 'Property' && isNode(property['value']) ? bare(property['value']) : undefined
    const name = property.type === 'Property' ? keyOf(property) : undefined
    if (value === undefined) return []
    // `queues: { jobs: ... }`, `crons: { nightly: { schedule, run } }`.
    if (name === 'queues' || name === 'crons' || name === 'run' || value.type !== 'ObjectExpression') {
      const inner = value.type === 'ObjectExpression' ? (value['properties'] as Node[]) : []
      const nested = inner.flatMap((item) => (item.type === 'Property' && isNode(item['value']) ? [item['value']] : []))
      return [
        { node: value, file, isFetch: name === 'fetch' },
        ...nested.flatMap((node): Handler[] => [{ node, file, isFetch: false }, ...handlersOf(node, file)]),
      ]
    }
    return []
  })
}

/** What a function gives back; of a generator nothing. */
export function returnsOf(fn: Node): Node[] {
  if (fn['generator'] === true) return []
  const body = fn['body']
  if (!isNode(body)) return []
  if (body.type !== 'BlockStatement') return [body]
  const found: Node[] = []
  const look = (node: Node): void => {
    if (/Function|^Class/.test(node.type)) return
    if (node.type === 'ReturnStatement' && isNode(node['argument'])) found.push(node['argument'])
    for (const child of children(node)) look(child)
  }
  look(body)
  return found
}
