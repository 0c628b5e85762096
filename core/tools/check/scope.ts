import {
  children,
  keyOf,
  nameOf,
  type AnyFunction,
  type ESTree,
  type Identifier,
  type Node,
  type Pattern,
} from '../build/syntax.ts'

/** Syntax node that declares a TypeScript type. */
type TypeDeclaration = ESTree.TSTypeAliasDeclaration | ESTree.TSInterfaceDeclaration

/** The declaration in a module that a name refers to. */
export interface Declaration {
  readonly kind: 'const' | 'variable' | 'parameter' | 'function' | 'class' | 'import' | 'catch' | 'type'
  readonly name: string
  /** Expression of a declared name's initial value, if it has one. */
  readonly init?: Node
  /**
   * Property names that lead from the initial value, or from the parameter, to a destructured name; undefined
   * if one of them is unknown.
   */
  readonly path?: readonly string[]
  /** Name of the type in the annotation of a declared name. */
  readonly type?: string
  /**
   * Module specifier of an imported name; `imported` is the name of the export (`default`, `*`, or a name).
   * Only imported names have both.
   */
  readonly source?: string
  readonly imported?: string
  /** Index of a declared parameter among the function's parameters, from 0. */
  readonly index?: number
  /** Syntax node of a declared function, class or type; of a declared parameter, its function. */
  readonly node?: AnyFunction | ESTree.Class | TypeDeclaration
  /**
   * Default value of a destructured name: the expression `of`, which applies to the value after the first
   * `from` property names of `path`.
   */
  readonly fallback?: { readonly of: Node; readonly from: number }
  /** TypeScript type of the declared name, or of the whole destructured parameter. */
  readonly annotation?: ESTree.TSType
}

/** The names that one source file declares, and their declarations. */
export interface Names {
  /** Returns the declaration of an identifier; undefined for a global. */
  find(identifier: Node): Declaration | undefined
  /** Identifiers in a source file that the file does not declare: its globals. */
  readonly globals: readonly Identifier[]
  /** Declarations at the top level of a source file, by name. */
  readonly top: ReadonlyMap<string, Declaration>
}

class Scope {
  readonly names = new Map<string, Declaration>()
  readonly above: Scope | undefined
  /** True for a function's scope, to which `var` and function declarations are hoisted. */
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

/** Resolves each identifier of a module to its declaration. */
export function readNames(program: Node): Names {
  const top = new Scope(undefined, true)
  const references: References = []
  visitAll(program, top, references)
  const found = new Map<Node, Declaration>()
  const globals: Identifier[] = []
  for (const [identifier, scope] of references) {
    const declaration = scope.find(identifier.name)
    if (declaration === undefined) globals.push(identifier)
    else found.set(identifier, declaration)
  }
  return { find: (identifier) => found.get(identifier), globals, top: top.names }
}

type References = [Identifier, Scope][]

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
      return visitExport(node, scope, references)
    case 'ExportAllDeclaration':
    case 'BreakStatement':
    case 'ContinueStatement':
    case 'MetaProperty':
      return
    case 'LabeledStatement':
      return visit(node.body, scope, references)
    case 'VariableDeclaration':
      return declareVariables(node, scope, references)
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return visitFunction(node, scope, references)
    case 'ClassDeclaration':
    case 'ClassExpression':
      return visitClass(node, scope, references)
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
      if (node.param !== null) declarePattern(node.param, { kind: 'catch' }, inner, references)
      return visit(node.body, inner, references)
    }
    case 'MemberExpression':
      visit(node.object, scope, references)
      if (node.computed) visit(node.property, scope, references)
      return
    case 'Property':
    case 'PropertyDefinition':
    case 'MethodDefinition':
    case 'AccessorProperty':
      return visitMember(node, scope, references)
    case 'TSEnumDeclaration':
    case 'TSModuleDeclaration':
    case 'TSTypeAliasDeclaration':
    case 'TSInterfaceDeclaration':
      return declareType(node, scope, references)
    default:
      // The search for names in a module skips TypeScript types, but not expressions that contain a type,
      // such as `x as T`.
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

function visitExport(
  { declaration, source, specifiers }: ESTree.ExportNamedDeclaration,
  scope: Scope,
  references: References,
): void {
  if (declaration !== null) visit(declaration, scope, references)
  else if (source === null) for (const { local } of specifiers) visit(local, scope, references)
}

function visitClass(node: ESTree.Class, scope: Scope, references: References): void {
  const name = nameOf(node.id)
  if (name !== undefined) scope.declare({ kind: 'class', name, node })
  if (node.superClass !== null) visit(node.superClass, scope, references)
  visit(node.body, new Scope(scope, false), references)
}

type Member =
  | ESTree.ObjectProperty
  | ESTree.BindingProperty
  | ESTree.AssignmentTargetPropertyIdentifier
  | ESTree.AssignmentTargetPropertyProperty
  | ESTree.PropertyDefinition
  | ESTree.MethodDefinition
  | ESTree.AccessorProperty

function visitMember(node: Member, scope: Scope, references: References): void {
  if (node.computed) visit(node.key, scope, references)
  if ('decorators' in node) for (const decorator of node.decorators) visit(decorator, scope, references)
  if (node.value !== null) visit(node.value, scope, references)
}

type TypeOrNamespace =
  | TypeDeclaration
  | ESTree.TSEnumDeclaration
  | ESTree.TSModuleDeclaration
  | ESTree.TSGlobalDeclaration

/** Adds the declaration of a type to a scope, or of an enum or a namespace, which also exist as values. */
function declareType(node: TypeOrNamespace, scope: Scope, references: References): void {
  const name = nameOf(node.id)
  if (node.type === 'TSTypeAliasDeclaration' || node.type === 'TSInterfaceDeclaration') {
    if (name !== undefined && !scope.names.has(name)) scope.declare({ kind: 'type', name, node })
    return
  }
  if (name !== undefined) scope.declare({ kind: 'class', name })
  if (node.type === 'TSModuleDeclaration' && !node.declare && node.body !== null)
    visitAll(node.body, new Scope(scope, true), references)
}

function declareImports(node: ESTree.ImportDeclaration, scope: Scope): void {
  for (const specifier of node.specifiers) {
    scope.declare({
      kind: 'import',
      name: specifier.local.name,
      source: node.source.value,
      imported: importedName(specifier),
    })
  }
}

function importedName(specifier: ESTree.ImportDeclarationSpecifier): string {
  if (specifier.type === 'ImportDefaultSpecifier') return 'default'
  if (specifier.type === 'ImportNamespaceSpecifier') return '*'
  return specifier.imported.type === 'Literal' ? specifier.imported.value : specifier.imported.name
}

function declareVariables(node: ESTree.VariableDeclaration, scope: Scope, references: References): void {
  // The statement `declare const x` describes an existing global, so it adds no variable to the scope.
  if (node.declare === true) return
  const place = node.kind === 'var' ? scope.function : scope
  for (const { id, init } of node.declarations) {
    if (init !== null) visit(init, scope, references)
    declarePattern(
      id,
      { kind: node.kind === 'const' ? 'const' : 'variable', ...(init === null ? {} : { init }) },
      place,
      references,
    )
  }
}

function visitFunction(node: AnyFunction, scope: Scope, references: References): void {
  const name = nameOf(node.id)
  if (name !== undefined && node.type === 'FunctionDeclaration')
    scope.function.declare({ kind: 'function', name, node })
  const inner = new Scope(scope, true)
  if (name !== undefined && node.type === 'FunctionExpression')
    inner.declare({ kind: 'function', name, node })
  if (node.type !== 'ArrowFunctionExpression') inner.declare({ kind: 'variable', name: 'arguments' })
  node.params.forEach((parameter, index) => {
    const pattern = parameter.type === 'TSParameterProperty' ? parameter.parameter : parameter
    declarePattern(pattern, { kind: 'parameter', index, node }, inner, references)
  })
  const { body } = node
  if (body === null) return
  // The block of a function's body shares the scope of its parameters.
  if (body.type === 'BlockStatement') visitAll(body, inner, references)
  else visit(body, inner, references)
}

type Origin = Omit<Declaration, 'name' | 'path' | 'type'>

function declarePattern(
  pattern: Pattern,
  given: Origin,
  scope: Scope,
  references: References,
  path: readonly string[] | undefined = [],
): void {
  const annotation = annotationOf(pattern) ?? given.annotation
  const origin: Origin = annotation === undefined ? given : { ...given, annotation }
  const type = annotation?.type === 'TSTypeReference' ? nameOf(annotation.typeName) : undefined
  switch (pattern.type) {
    case 'Identifier':
      scope.declare({
        ...origin,
        ...(type === undefined ? {} : { type }),
        name: pattern.name,
        ...(path === undefined ? {} : { path }),
      })
      return
    case 'AssignmentPattern': {
      visit(pattern.right, scope, references)
      const own =
        path === undefined ? origin : { ...origin, fallback: { of: pattern.right, from: path.length } }
      return declarePattern(pattern.left, own, scope, references, path)
    }
    case 'RestElement':
      return declarePattern(pattern.argument, origin, scope, references, undefined)
    case 'ArrayPattern':
      for (const item of pattern.elements)
        if (item !== null) declarePattern(item, origin, scope, references, undefined)
      return
    case 'ObjectPattern':
      for (const property of pattern.properties) {
        if (property.type === 'RestElement') {
          declarePattern(property, origin, scope, references, undefined)
          continue
        }
        if (property.computed) visit(property.key, scope, references)
        const key = keyOf(property)
        declarePattern(
          property.value,
          origin,
          scope,
          references,
          key === undefined || path === undefined ? undefined : [...path, key],
        )
      }
  }
}

/** Returns the annotated type of a name or pattern, such as `Kv` in `x: Kv`. */
export function annotationOf(node: {
  readonly typeAnnotation?: ESTree.TSTypeAnnotation | null
}): ESTree.TSType | undefined {
  return node.typeAnnotation?.typeAnnotation
}
