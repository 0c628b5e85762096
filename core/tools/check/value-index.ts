/**
 * Index of calls, assignments and handlers in the app's modules; `unmoor check` follows values backwards
 * through it.
 */
import type { Declaration } from './scope.ts'
import type { SourceFile } from './source-file.ts'
import {
  bare,
  children,
  keyOf,
  nameOf,
  objectOf,
  walk,
  type AnyFunction,
  type ESTree,
  type Node,
} from '../build/syntax.ts'

/** An expression in the app's source and the module that contains it. */
export interface Value<N extends Node = Node> {
  readonly node: N
  readonly file: SourceFile
}

/** The class or object literal that a `this` in the app's source refers to. */
export interface Owner {
  readonly node: Node
  readonly isStatic: boolean
}

export interface ValueIndex {
  /** All calls and `new` expressions in the app's modules. */
  readonly calls: readonly Value<ESTree.CallExpression | ESTree.NewExpression>[]
  /** Class or object literal that each node of `this` or `super` refers to. */
  readonly owners: ReadonlyMap<Node, Owner>
  /** Values that the app's code assigns to variables after their declaration. */
  readonly assigned: ReadonlyMap<Declaration, readonly Value[]>
  /**
   * Values that the app's code assigns by `this.name = ...` and `object.name = ...`, by class, object or
   * declaration, then by name.
   */
  readonly members: ReadonlyMap<Node | Declaration, ReadonlyMap<string, readonly Value[]>>
  /** Values that the app sets by `c.set('name', value)` of Hono's context, by name. */
  readonly variables: ReadonlyMap<string, readonly Value[]>
  /** Functions that a platform calls with the env as second argument, such as `fetch` and `scheduled`. */
  readonly handlers: readonly Handler[]
}

export interface Handler extends Value {
  /** True for a handler that a platform calls with a request as its first argument. */
  readonly isFetch: boolean
}

export function indexValues(files: Iterable<SourceFile>): ValueIndex {
  const calls: Value<ESTree.CallExpression | ESTree.NewExpression>[] = []
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
        const value = node.arguments[1]
        if (variable !== undefined && value !== undefined) add(variables, variable, { node: value, file })
        if (nameOf(node.callee) === 'defineApp') handlers.push(...handlersOf(node.arguments[0], file))
      }
      if (node.type === 'ExportDefaultDeclaration') handlers.push(...handlersOf(node.declaration, file))
    })
    // Owners of `this` (classes and objects) must be complete before assignments to `this.name` are indexed.
    walk(file.program, (node) => {
      if (node.type !== 'AssignmentExpression' || !['=', '??=', '||='].includes(node.operator)) return
      const value = { node: node.right, file }
      const left = bare(node.left)
      const declaration = left.type === 'Identifier' ? file.names.find(left) : undefined
      if (declaration !== undefined) add(assigned, declaration, value)
      if (left.type !== 'MemberExpression') return
      const name = keyOf(left)
      if (name === undefined) return
      const object = bare(left.object)
      const of =
        object.type === 'ThisExpression'
          ? owners.get(object)?.node
          : object.type === 'Identifier'
            ? file.names.find(object)
            : undefined
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

/**
 * Returns the class or object literal that a `this` refers to. `above` are the syntax nodes around the
 * `this`, nearest last.
 */
function ownerOf(above: readonly Node[]): Owner | undefined {
  const owner = (at: number, isStatic: boolean): Owner | undefined => {
    const node = above[at]
    return node === undefined ? undefined : { node, isStatic }
  }
  for (const [at, node] of [...above.entries()].toReversed()) {
    const parent = above[at - 1]
    if (node.type === 'PropertyDefinition') return owner(at - 2, node.static)
    if (node.type === 'FunctionDeclaration' || node.type === 'StaticBlock') return undefined
    if (node.type !== 'FunctionExpression') continue
    // In the syntax tree, a method's function is in the method, the method in the class body, and that in the
    // class.
    if (parent?.type === 'MethodDefinition') return owner(at - 3, parent.static)
    return parent?.type === 'Property' ? owner(at - 2, false) : undefined
  }
  return undefined
}

/**
 * Returns the variable name in `c.set('name', ...)` or `c.get('name')`, if `c` is a parameter, as Hono's
 * context is.
 */
export function contextVariable(
  call: ESTree.CallExpression | ESTree.NewExpression,
  method: 'get' | 'set',
  file: SourceFile,
): string | undefined {
  const callee = bare(call.callee)
  if (callee.type !== 'MemberExpression' || keyOf(callee) !== method || !isParameter(callee.object, file))
    return undefined
  const [name] = call.arguments
  return name?.type === 'Literal' && typeof name.value === 'string' ? name.value : undefined
}

export function isParameter(node: Node, file: SourceFile): boolean {
  const object = bare(node)
  return object.type === 'Identifier' && file.names.find(object)?.kind === 'parameter'
}

/** Returns the handlers in the argument of `defineApp`, or in a Worker's default export. */
function handlersOf(given: Node | undefined, file: SourceFile): Handler[] {
  const object = objectOf(given)
  return (object?.properties ?? []).flatMap((property) => {
    if (property.type !== 'Property') return []
    const value = bare(property.value)
    const name = keyOf(property)
    // Handlers of an app may be nested, as in `queues: { jobs: ... }` and `crons: { nightly: { schedule, run
    // } }`.
    if (name === 'queues' || name === 'crons' || name === 'run' || value.type !== 'ObjectExpression') {
      const inner = value.type === 'ObjectExpression' ? value.properties : []
      const nested = inner.flatMap((item) => (item.type === 'Property' ? [item.value] : []))
      return [
        { node: value, file, isFetch: name === 'fetch' },
        ...nested.flatMap((node): Handler[] => [{ node, file, isFetch: false }, ...handlersOf(node, file)]),
      ]
    }
    return []
  })
}

/** Returns the expressions that a function of the app returns; none for a generator. */
export function returnsOf(fn: AnyFunction): Node[] {
  const { generator, body } = fn
  if (generator || body === null) return []
  if (body.type !== 'BlockStatement') return [body]
  const found: Node[] = []
  const look = (node: Node): void => {
    if (/Function|^Class/.test(node.type)) return
    if (node.type === 'ReturnStatement' && node.argument !== null) found.push(node.argument)
    for (const child of children(node)) look(child)
  }
  look(body)
  return found
}
