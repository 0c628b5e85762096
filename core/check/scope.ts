import { children, isNode, keyOf, nameOf, type Node } from './syntax.ts'

/** What a name stands for. */
export interface Declaration {
  readonly kind: 'const' | 'variable' | 'parameter' | 'function' | 'class' | 'import' | 'catch' | 'type'
  readonly name: string
  /** What it is set to, where that is written with it. */
  readonly init?: Node
  /** Properties that lead from `init` (or the parameter) to the name, for destructuring; undefined where a step is unknown. */
  readonly path?: readonly string[]
  /** The name of the annotation's type. */
  readonly type?: string
  /** For imports: the module, and what is imported of it (`default`, `*`, or a name). */
  readonly source?: string
  readonly imported?: string
  /** Place among the function's parameters. */
  readonly index?: number
  /** The function, class or type itself; the function whose parameter it is. */
  readonly node?: Node
  /** What it is where nothing is given: `of` an expression, `from` so many steps of the path. */
  readonly fallback?: { readonly of: Node; readonly from: number }
  /** The type that it, or the whole destructured parameter, is annotated with. */
  readonly annotation?: Node
}

/** Names of one file. */
export interface Names {
  /** What an identifier stands for; undefined for a global. */
  find(identifier: Node): Declaration | undefined
  /** Identifiers that nothing in the file declares. */
  readonly globals: readonly Node[]
  /** Names declared at the top of the module. */
  readonly top: ReadonlyMap<string, Declaration>
}

class Scope {
  readonly names = new Map<string, Declaration>()
  readonly above: Scope | undefined
  /** Whether `var` and function declarations end up here. */
  readonly isFunction: boolean

  constructor(above: Scope | undefined, isFunction: boolean) {
    this.above = above
    this.isFunction = isFunction
  }

  declare(declaration: Declaration): void {
    this.names.set(declaration.name, declaration)
  }

  find(name: string): Declaration | undefined {
    return this.names.get(name) ?? this.above?.find(name)
  }

  get function(): Scope {
    return this.isFunction || this.above === undefined ? this : this.above.function
  }
}

/** Finds out what each name of a module stands for. */
export function readNames(program: Node): Names {
  const top = new Scope(undefined, true)
  const references: [Node, Scope][] = []
  visitAll(program, top, references)
  const found = new Map<Node, Declaration>()
  const globals: Node[] = []
  for (const [identifier, scope] of references) {
    const declaration = scope.find(identifier['name'] as string)
    if (declaration === undefined) globals.push(identifier)
    else found.set(identifier, declaration)
  }
  return { find: (identifier) => found.get(identifier), globals, top: top.names }
}

type References = [Node, Scope][]

function visitAll(node: Node, scope: Scope, references: References): void {
  for (const child of children(node)) visit(child, scope, references)
}

function visit(node: Node, scope: Scope, references: References): void {
  switch (node.type) {
    case 'Identifier':
      references.push([node, scope])
      return
    case 'ImportDeclaration':
      return declareImports(node, scope)
    case 'ExportNamedDeclaration':
      if (isNode(node['declaration'])) visit(node['declaration'], scope, references)
      else if (node['source'] === null) for (const { local } of node['specifiers'] as { local: Node }[]) visit(local, scope, references)
      return
    case 'ExportAllDeclaration':
    case 'BreakStatement':
    case 'ContinueStatement':
      return
    case 'LabeledStatement':
      return visit(node['body'] as Node, scope, references)
    case 'VariableDeclaration':
      return declareVariables(node, scope, references)
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return visitFunction(node, scope, references)
    case 'ClassDeclaration':
    case 'ClassExpression': {
      const name = nameOf(node['id'])
      if (name !== undefined) scope.declare({ kind: 'class', name, node })
      if (isNode(node['superClass'])) visit(node['superClass'], scope, references)
      return visit(node['body'] as Node, new Scope(scope, false), references)
    }
    case 'StaticBlock':
      return visitAll(node, new Scope(scope, true), references)
    case 'BlockStatement':
    case 'ForStatement':
    case 'ForInStatement':
    case 'ForOfStatement':
    case 'SwitchStatement':
      return visitAll(node, new Scope(scope, false), references)
    case 'CatchClause': {
      const inner = new Scope(scope, false)
      if (isNode(node['param'])) declarePattern(node['param'], { kind: 'catch' }, inner, references)
      return visit(node['body'] as Node, inner, references)
    }
    case 'MemberExpression':
      visit(node['object'] as Node, scope, references)
      if (node['computed'] === true) visit(node['property'] as Node, scope, references)
      return
    case 'Property':
    case 'PropertyDefinition':
    case 'MethodDefinition':
    case 'AccessorProperty':
      if (node['computed'] === true) visit(node['key'] as Node, scope, references)
      for (const decorator of (node['decorators'] ?? []) as Node[]) visit(decorator, scope, references)
      if (isNode(node['value'])) visit(node['value'], scope, references)
      return
    case 'MetaProperty':
      return
    case 'TSEnumDeclaration': {
      const name = nameOf(node['id'])
      if (name !== undefined) scope.declare({ kind: 'class', name })
      return
    }
    case 'TSModuleDeclaration': {
      const name = nameOf(node['id'])
      if (name !== undefined) scope.declare({ kind: 'class', name })
      if (node['declare'] !== true && isNode(node['body'])) visitAll(node['body'], new Scope(scope, true), references)
      return
    }
    case 'TSTypeAliasDeclaration':
    case 'TSInterfaceDeclaration': {
      const name = nameOf(node['id'])
      if (name !== undefined && !scope.names.has(name)) scope.declare({ kind: 'type', name, node })
      return
    }
    default:
      // Types are no code; the expressions that carry one are.
      if (node.type.startsWith('TS') && !EXPRESSIONS_WITH_TYPES.has(node.type)) return
      if (node.type.startsWith('JSX') && node.type.endsWith('Identifier')) return
      visitAll(node, scope, references)
  }
}

const EXPRESSIONS_WITH_TYPES: ReadonlySet<string> = new Set([
  'TSAsExpression',
  'TSNonNullExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
  'TSInstantiationExpression',
  'TSExportAssignment',
])

function declareImports(node: Node, scope: Scope): void {
  const source = (node['source'] as Node)['value'] as string
  for (const specifier of node['specifiers'] as Node[]) {
    const name = nameOf(specifier['local'])
    if (name === undefined) continue
    const imported =
      specifier.type === 'ImportDefaultSpecifier'
        ? 'default'
        : specifier.type === 'ImportNamespaceSpecifier'
          ? '*'
          : (nameOf(specifier['imported']) ?? String((specifier['imported'] as Node)['value']))
    scope.declare({ kind: 'import', name, source, imported })
  }
}

function declareVariables(node: Node, scope: Scope, references: References): void {
  // `declare const x` says that a global is there; it makes none.
  if (node['declare'] === true) return
  const place = node['kind'] === 'var' ? scope.function : scope
  for (const declarator of node['declarations'] as Node[]) {
    const init = isNode(declarator['init']) ? declarator['init'] : undefined
    if (init !== undefined) visit(init, scope, references)
    declarePattern(
      declarator['id'] as Node,
      { kind: node['kind'] === 'const' ? 'const' : 'variable', ...(init === undefined ? {} : { init }) },
      place,
      references,
    )
  }
}

function visitFunction(node: Node, scope: Scope, references: References): void {
  const name = nameOf(node['id'])
  if (name !== undefined && node.type === 'FunctionDeclaration') scope.function.declare({ kind: 'function', name, node })
  const inner = new Scope(scope, true)
  if (name !== undefined && node.type === 'FunctionExpression') inner.declare({ kind: 'function', name, node })
  if (node.type !== 'ArrowFunctionExpression') inner.declare({ kind: 'variable', name: 'arguments' })
  ;(node['params'] as Node[]).forEach((parameter, index) => {
    const pattern = (parameter.type === 'TSParameterProperty' ? parameter['parameter'] : parameter) as Node
    declarePattern(pattern, { kind: 'parameter', index, node }, inner, references)
  })
  const body = node['body']
  if (!isNode(body)) return
  // The body's own block is the function's scope.
  if (body.type === 'BlockStatement') visitAll(body, inner, references)
  else visit(body, inner, references)
}

type Origin = Omit<Declaration, 'name' | 'path' | 'type'>

function declarePattern(pattern: Node, given: Origin, scope: Scope, references: References, path: readonly string[] | undefined = []): void {
  const annotation = annotationOf(pattern) ?? given.annotation
  const origin: Origin = annotation === undefined ? given : { ...given, annotation }
  const type = annotation?.type === 'TSTypeReference' ? nameOf(annotation['typeName']) : undefined
  switch (pattern.type) {
    case 'Identifier':
      scope.declare({ ...origin, ...(type === undefined ? {} : { type }), name: pattern['name'] as string, ...(path === undefined ? {} : { path }) })
      return
    case 'AssignmentPattern':
      visit(pattern['right'] as Node, scope, references)
      return declarePattern(
        pattern['left'] as Node,
        path === undefined ? origin : { ...origin, fallback: { of: pattern['right'] as Node, from: path.length } },
        scope,
        references,
        path,
      )
    case 'RestElement':
      return declarePattern(pattern['argument'] as Node, origin, scope, references, undefined)
    case 'ArrayPattern':
      for (const item of pattern['elements'] as unknown[]) if (isNode(item)) declarePattern(item, origin, scope, references, undefined)
      return
    case 'ObjectPattern':
      for (const property of pattern['properties'] as Node[]) {
        if (property.type === 'RestElement') {
          declarePattern(property, origin, scope, references, undefined)
          continue
        }
        if (property['computed'] === true) visit(property['key'] as Node, scope, references)
        const key = keyOf(property)
        declarePattern(property['value'] as Node, origin, scope, references, key === undefined || path === undefined ? undefined : [...path, key])
      }
  }
}

/** The type behind the colon of `x: Kv`. */
export function annotationOf(node: Node, of = 'typeAnnotation'): Node | undefined {
  const annotation = node[of]
  return isNode(annotation) && isNode(annotation['typeAnnotation']) ? annotation['typeAnnotation'] : undefined
}
