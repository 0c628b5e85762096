import type { KnownBinding, KnownBindings } from './bindings.ts'
import type { Modules } from './modules.ts'
import { annotationOf, type Declaration } from './scope.ts'
import type { SourceFile } from './source-file.ts'
import {
  bare,
  isClass,
  isFunction,
  keyOf,
  nameOf,
  type ESTree,
  type Identifier,
  type Node,
} from '../build/syntax.ts'
import { bindingOfType } from './types.ts'
import {
  contextVariable,
  indexValues,
  isParameter,
  returnsOf,
  type Value,
  type ValueIndex,
} from './value-index.ts'

/**
 * A possible meaning of an expression in the app's code: a binding, the env, a handler's request, or a
 * function or class.
 */
export type Fact = { binding: KnownBinding } | { env: true } | { request: true } | { callable: Value }

/** Syntax node that defines a member of a class or an object. */
type Definition = ESTree.ObjectProperty | ESTree.PropertyDefinition | ESTree.MethodDefinition

/** Property names that lead from a followed value to the wanted value inside it. */
type Path = readonly string[]

const DEPTH = 60
/** Limit of property names in a followed path; longer paths only come from loops (`node = node.next`). */
const LONGEST_PATH = 8

/**
 * Follows bindings through an app's own modules: through constants, destructuring, arguments, results of
 * functions, and fields of classes and objects. The analysis goes backwards from a use. Order of statements
 * is ignored, calls of a function are not told apart, and packages, containers and loops are not followed.
 */
export class Flow {
  #modules: Modules
  #bindings: KnownBindings
  #index: ValueIndex
  /** Arguments of all calls in the app's code, by the called function or constructor. */
  #calls = new Map<Node, { given: readonly Node[]; file: SourceFile }[]>()
  #handlers = new Set<Node>()
  #fetchHandlers = new Set<Node>()
  #known = new Map<Node, Map<string, readonly Fact[]>>()

  constructor(modules: Modules, bindings: KnownBindings) {
    this.#modules = modules
    this.#bindings = bindings
    this.#index = indexValues(modules.files.values())
    // The search for the app's handlers runs twice: the second round also finds handlers that are passed as
    // arguments of functions.
    for (let round = 0; round < 2; round++) {
      for (const handler of this.#index.handlers) {
        for (const { node } of this.#callables(handler)) {
          this.#handlers.add(node)
          if (handler.isFetch) this.#fetchHandlers.add(node)
        }
      }
      this.#calls = this.#findCalls()
      this.#known.clear()
    }
  }

  /**
   * Returns the binding that an expression refers to; undefined if there is none, or several of different
   * kinds.
   */
  bindingOf(node: Node, file: SourceFile): KnownBinding | undefined {
    const found = this.#follow({ node, file }, [], 0).flatMap((fact) =>
      'binding' in fact ? [fact.binding] : [],
    )
    const [first] = found
    if (first === undefined || found.some(({ kind }) => kind !== first.kind)) return undefined
    return found.find(({ strong }) => strong === true) ?? first
  }

  /** True if an expression refers to the request of a `fetch` handler. */
  isRequest(node: Node, file: SourceFile): boolean {
    return this.#follow({ node, file }, [], 0).some((fact) => 'request' in fact)
  }

  #findCalls(): Map<Node, { given: readonly Node[]; file: SourceFile }[]> {
    const calls = new Map<Node, { given: readonly Node[]; file: SourceFile }[]>()
    for (const { node, file } of this.#index.calls) {
      for (const callee of this.#callees(node, file)) {
        const target = isClass(callee.node) ? this.#constructorOf(callee) : callee.node
        if (target === undefined) continue
        const known = calls.get(target) ?? []
        calls.set(target, known)
        known.push({ given: node.arguments, file })
      }
    }
    return calls
  }

  #callees(call: ESTree.CallExpression | ESTree.NewExpression, file: SourceFile): Value[] {
    const callee = call.callee
    if (callee.type !== 'Super') return this.#callables({ node: callee, file })
    const owner = this.#index.owners.get(callee)
    return owner === undefined ? [] : this.#above({ node: owner.node, file })
  }

  /** Returns the possible base classes of a class in the app's code. */
  #above({ node, file }: Value): Value[] {
    return isClass(node) && node.superClass !== null ? this.#callables({ node: node.superClass, file }) : []
  }

  /** Returns the constructor that receives the arguments of `new`: the class's own, or an inherited one. */
  #constructorOf(value: Value, depth = 0): Node | undefined {
    const own = constructorOf(value.node)
    if (own !== undefined || depth > DEPTH) return own
    const [above] = this.#above(value)
    return above === undefined ? undefined : this.#constructorOf(above, depth + 1)
  }

  #callables(value: Value): Value[] {
    return this.#follow(value, [], 0).flatMap((fact) => ('callable' in fact ? [fact.callable] : []))
  }

  #follow(value: Value, path: Path, depth: number): readonly Fact[] {
    if (depth > DEPTH || path.length > LONGEST_PATH) return []
    const key = path.join('.')
    const ofNode = this.#known.get(value.node) ?? new Map<string, readonly Fact[]>()
    this.#known.set(value.node, ofNode)
    const known = ofNode.get(key)
    if (known !== undefined) return known
    // An empty result is stored before a value is followed, so that the search ends for a value that refers
    // to itself.
    ofNode.set(key, [])
    const found = this.#look(value, path, depth + 1)
    ofNode.set(key, found)
    return found
  }

  #all(nodes: readonly Node[], file: SourceFile, path: Path, depth: number): Fact[] {
    return nodes.flatMap((node) => this.#follow({ node, file }, path, depth))
  }

  #values(values: readonly Value[] | undefined, path: Path, depth: number): Fact[] {
    return (values ?? []).flatMap((value) => this.#follow(value, path, depth))
  }

  #look({ node: given, file }: Value, path: Path, depth: number): readonly Fact[] {
    if (given.type === 'TSAsExpression') {
      const typed = this.#ofType(given.typeAnnotation, file, path)
      if (typed.length > 0) return typed
    }
    const node = bare(given)
    switch (node.type) {
      case 'Identifier':
        return this.#ofName(node, file, path, depth)
      case 'ThisExpression': {
        const owner = this.#index.owners.get(node)
        return owner === undefined || path.length === 0
          ? []
          : this.#ofMember({ node: owner.node, file }, path, owner.isStatic, depth)
      }
      case 'MemberExpression':
        return this.#ofProperty(node, file, path, depth)
      case 'CallExpression': {
        const variable = contextVariable(node, 'get', file)
        if (variable !== undefined) return this.#values(this.#index.variables.get(variable), path, depth)
        return this.#callables({ node: node.callee, file }).flatMap((callee) =>
          isClass(callee.node) ? [] : this.#ofResult(callee, path, depth),
        )
      }
      case 'NewExpression':
        if (path.length === 0) return []
        return this.#callables({ node: node.callee, file }).flatMap((callee) =>
          this.#ofMember(callee, path, false, depth),
        )
      case 'ObjectExpression':
        return path.length === 0 ? [] : this.#ofMember({ node, file }, path, false, depth)
      case 'FunctionDeclaration':
      case 'FunctionExpression':
      case 'ArrowFunctionExpression':
        return path.length === 0 ? [{ callable: { node, file } }] : []
      case 'ClassDeclaration':
      case 'ClassExpression':
        return path.length === 0
          ? [{ callable: { node, file } }]
          : this.#ofMember({ node, file }, path, true, depth)
      case 'ConditionalExpression':
        return this.#all([node.consequent, node['alternate']], file, path, depth)
      case 'LogicalExpression':
        return this.#all([node.left, node['right']], file, path, depth)
      case 'SequenceExpression':
        return this.#all(node.expressions.slice(-1), file, path, depth)
      case 'AssignmentExpression':
        return this.#all([node['right']], file, path, depth)
      default:
        return []
    }
  }

  /** Returns the binding at a property path below the env, or the env itself for an empty path. */
  #ofEnv([name, ...rest]: Path): Fact[] {
    if (name === undefined) return [{ env: true }]
    const binding = this.#bindings.get(name)
    return binding === undefined || rest.length > 0 ? [] : [{ binding }]
  }

  #ofName(identifier: Identifier, file: SourceFile, path: Path, depth: number): readonly Fact[] {
    const declaration = file.names.find(identifier)
    if (declaration === undefined) return isEnvName(identifier.name) ? this.#ofEnv(path) : []
    return this.#ofDeclaration(declaration, file, path, depth)
  }

  #ofDeclaration(declaration: Declaration, file: SourceFile, path: Path, depth: number): readonly Fact[] {
    const { kind, name, node } = declaration
    if (kind === 'import') return this.#ofImport(declaration, file, path, depth)
    if (kind === 'function' || kind === 'class')
      return node === undefined ? [] : this.#follow({ node, file }, path, depth)
    if (declaration.path === undefined) return []
    const full = [...declaration.path, ...path]
    const found: Fact[] = []
    if (declaration.annotation !== undefined) found.push(...this.#ofType(declaration.annotation, file, full))
    const at = declaration.path.findLastIndex(isEnvName)
    if (at >= 0) found.push(...this.#ofEnv(full.slice(at + 1)))
    else if (isEnvName(name) || /(^|[a-z])Env$/.test(declaration.type ?? '')) found.push(...this.#ofEnv(full))
    // The env is a handler's second parameter.
    else if (
      kind === 'parameter' &&
      declaration.index === 1 &&
      node !== undefined &&
      this.#handlers.has(node)
    )
      found.push(...this.#ofEnv(full))
    if (
      kind === 'parameter' &&
      declaration.index === 0 &&
      full.length === 0 &&
      node !== undefined &&
      this.#fetchHandlers.has(node)
    )
      found.push({ request: true })
    if (declaration.init !== undefined)
      found.push(...this.#follow({ node: declaration.init, file }, full, depth))
    if (declaration.fallback !== undefined)
      found.push(
        ...this.#follow(
          { node: declaration.fallback.of, file },
          [...declaration.path.slice(declaration.fallback.from), ...path],
          depth,
        ),
      )
    if (kind === 'parameter' && node !== undefined)
      found.push(...this.#ofArgument(node, declaration.index as number, full, depth))
    found.push(...this.#values(this.#index.assigned.get(declaration), path, depth))
    const [first, ...rest] = path
    if (first !== undefined)
      found.push(...this.#values(this.#index.members.get(declaration)?.get(first), rest, depth))
    return found
  }

  #ofImport(declaration: Declaration, file: SourceFile, path: Path, depth: number): readonly Fact[] {
    const found = this.#modules.imported(file, declaration)
    if (found === undefined) return isEnvName(declaration.name) ? this.#ofEnv(path) : []
    if ('node' in found) return this.#follow(found, path, depth)
    if ('declaration' in found) return this.#ofDeclaration(found.declaration, found.file, path, depth + 1)
    const [name, ...rest] = path
    const member = name === undefined ? undefined : this.#modules.exported(found.module, name)
    if (member === undefined || 'module' in member) return []
    return 'node' in member
      ? this.#follow(member, rest, depth)
      : this.#ofDeclaration(member.declaration, member.file, rest, depth + 1)
  }

  /** Follows the arguments that calls of a function pass as its parameter number `index`. */
  #ofArgument(fn: Node, index: number, path: Path, depth: number): Fact[] {
    return (this.#calls.get(fn) ?? []).flatMap(({ given, file }) => {
      const node = given[index]
      return node === undefined || given.slice(0, index + 1).some(({ type }) => type === 'SpreadElement')
        ? []
        : this.#follow({ node, file }, path, depth)
    })
  }

  #ofResult({ node, file }: Value, path: Path, depth: number): Fact[] {
    if (!isFunction(node)) return []
    const type = node.returnType?.typeAnnotation
    return [
      ...(type === undefined ? [] : this.#ofType(type, file, path)),
      ...this.#all(returnsOf(node), file, path, depth),
    ]
  }

  #ofProperty(node: ESTree.MemberExpression, file: SourceFile, path: Path, depth: number): readonly Fact[] {
    const name = keyOf(node)
    if (name === undefined) return []
    if (isEnvName(name)) return this.#ofEnv(path)
    const object = bare(node.object)
    // Matches Hono's `c.var.name`, which reads a variable of the context.
    if (object.type === 'MemberExpression' && keyOf(object) === 'var' && isParameter(object.object, file))
      return this.#values(this.#index.variables.get(name), path, depth)
    return this.#follow({ node: object, file }, [name, ...path], depth)
  }

  /** Follows a field or method of an instance, a class or an object literal to its possible values. */
  #ofMember(
    { node: owner, file }: Value,
    [name = '', ...rest]: Path,
    isStatic: boolean,
    depth: number,
  ): Fact[] {
    const found = this.#values(this.#index.members.get(owner)?.get(name), rest, depth)
    if (owner.type === 'ObjectExpression') {
      for (const property of owner.properties) {
        if (property.type === 'SpreadElement')
          found.push(...this.#follow({ node: property.argument, file }, [name, ...rest], depth))
        else if (keyOf(property) === name)
          found.push(...this.#ofDefinition(property, property.value, file, rest, depth))
      }
      return found
    }
    if (!isClass(owner)) return found
    for (const member of owner.body.body) {
      if (
        (member.type === 'PropertyDefinition' || member.type === 'MethodDefinition') &&
        member.static === isStatic &&
        keyOf(member) === name
      )
        found.push(...this.#ofDefinition(member, member.value, file, rest, depth))
    }
    const made = isStatic ? undefined : constructorOf(owner)
    for (const [index, parameter] of (made?.params ?? []).entries()) {
      const given = parameter.type === 'TSParameterProperty' ? parameter.parameter : undefined
      const pattern = given?.type === 'AssignmentPattern' ? given.left : given
      if (made === undefined || pattern === undefined || nameOf(pattern) !== name) continue
      const type = annotationOf(pattern)
      if (type !== undefined) found.push(...this.#ofType(type, file, rest))
      found.push(...this.#ofArgument(made, index, rest, depth))
    }
    if (depth < DEPTH)
      for (const base of this.#above({ node: owner, file }))
        found.push(...this.#ofMember(base, [name, ...rest], isStatic, depth + 1))
    return found
  }

  #ofDefinition(
    definition: Definition,
    value: Node | null,
    file: SourceFile,
    path: Path,
    depth: number,
  ): readonly Fact[] {
    if ('kind' in definition && definition.kind === 'get' && value !== null)
      return this.#ofResult({ node: value, file }, path, depth)
    const type = definition.type === 'PropertyDefinition' ? annotationOf(definition) : undefined
    return [
      ...(type === undefined ? [] : this.#ofType(type, file, path)),
      ...(value === null ? [] : this.#follow({ node: value, file }, path, depth)),
    ]
  }

  #ofType(type: ESTree.TSType, file: SourceFile, path: Path): Fact[] {
    const found = bindingOfType(type, path, { file, modules: this.#modules })
    return found === undefined ? [] : 'env' in found ? this.#ofEnv(found.env) : [{ binding: found }]
  }
}

/** Returns the constructor that a class defines itself; undefined if there is none. */
function constructorOf(node: Node): ESTree.Function | undefined {
  if (!isClass(node)) return undefined
  const found = node.body.body.find(
    (member) => member.type === 'MethodDefinition' && member.kind === 'constructor',
  )
  return found?.type === 'MethodDefinition' ? found.value : undefined
}

function isEnvName(name: string): boolean {
  return name === 'env' || name === 'Bindings'
}
