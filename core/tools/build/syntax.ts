import type { ESTree } from 'rolldown/utils'

/** Node of a syntax tree: ESTree with TypeScript, from the bundler's own parser (oxc). */
export type Node = ESTree.Node
export type Expression = ESTree.Expression
export type { ESTree }

/** Syntax node of an identifier, in any position. */
export type Identifier = Extract<Node, { type: 'Identifier' }>
/** Syntax node of any function, arrow functions included. */
export type AnyFunction = ESTree.Function | ESTree.ArrowFunctionExpression
/** Syntax node that binds names: a parameter, the left side of a declaration, or a part of either. */
export type Pattern = ESTree.BindingPattern | ESTree.BindingRestElement | ESTree.FormalParameterRest

/** A comment of parsed source code; `value` is its text without the comment marks. */
export interface Comment {
  readonly value: string
  readonly start: number
  readonly end: number
}

/** The result of parsing a file of source code. */
export interface Parsed {
  readonly program: ESTree.Program
  readonly comments: readonly Comment[]
  /** The parser's error messages; empty if the source file parses. */
  readonly errors: readonly string[]
}

/** Parses TypeScript or JavaScript, depending on the extension of `file`. */
export async function parse(file: string, code: string): Promise<Parsed> {
  const { parseSync } = await import('rolldown/utils')
  const { program, comments, errors } = parseSync(file, code)
  return { program, comments, errors: errors.map(({ message }) => message) }
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string'
}

/** The children of a syntax node, in source order. */
export function* children(node: Node): Generator<Node> {
  for (const child of Object.values(node) as unknown[]) {
    if (Array.isArray(child)) {
      for (const item of child) if (isNode(item)) yield item
    } else if (isNode(child)) yield child
  }
}

/** Calls `visit` for every node of a syntax tree, parents first, with the node's ancestors, nearest last. */
export function walk(
  node: Node,
  visit: (node: Node, above: readonly Node[]) => void,
  above: Node[] = [],
): void {
  visit(node, above)
  above.push(node)
  for (const child of children(node)) walk(child, visit, above)
  above.pop()
}

/** Unwraps a syntax node from parentheses, `!`, `as T`, `satisfies T`, `await` and optional chains. */
export function bare(node: Expression): Expression
export function bare(node: Node): Node
export function bare(node: Node): Node {
  switch (node.type) {
    case 'ParenthesizedExpression':
    case 'TSNonNullExpression':
    case 'TSAsExpression':
    case 'TSSatisfiesExpression':
    case 'TSTypeAssertion':
    case 'ChainExpression':
      return bare(node.expression)
    case 'AwaitExpression':
      return bare(node.argument)
    default:
      return node
  }
}

/** The name of a syntax node that is an identifier; undefined for any other node. */
export function nameOf(node: Node | null | undefined): string | undefined {
  return node?.type === 'Identifier' ? node.name : undefined
}

/** Syntax node of a member access, a property or a class member. */
type Named = ESTree.MemberExpression | Extract<Node, { key: ESTree.PropertyKey; computed: boolean }>

/**
 * The property name of a syntax node: in `object.name`, `object['name']`, `{ name: ... }` or a class;
 * undefined if it is computed.
 */
export function keyOf(node: Named): string | undefined {
  const key = node.type === 'MemberExpression' ? node.property : node.key
  if (key.type === 'Literal') return String(key.value)
  if (key.type === 'PrivateIdentifier') return `#${key.name}`
  return node.computed ? undefined : nameOf(key)
}

/** Returns a syntax node as an object literal; undefined for any other node. */
export function objectOf(node: Node | null | undefined): ESTree.ObjectExpression | undefined {
  const object = node === null || node === undefined ? undefined : bare(node)
  return object?.type === 'ObjectExpression' ? object : undefined
}

/**
 * The properties by name of an object literal in a syntax tree; spread and computed properties are left out.
 */
export function propertiesOf(object: ESTree.ObjectExpression): Map<string, ESTree.ObjectProperty> {
  const found = new Map<string, ESTree.ObjectProperty>()
  for (const property of object.properties) {
    const key = property.type === 'Property' ? keyOf(property) : undefined
    if (property.type === 'Property' && key !== undefined) found.set(key, property)
  }
  return found
}

/** Returns true if a module has a static import of a module of that name. */
export function importsFrom(program: ESTree.Program, name: string): boolean {
  return program.body.some(
    (statement) => statement.type === 'ImportDeclaration' && statement.source.value === name,
  )
}

/** The specifier of a static import or a re-export; undefined for any other syntax node. */
export function sourceOf(statement: Node): ESTree.StringLiteral | undefined {
  switch (statement.type) {
    case 'ImportDeclaration':
    case 'ExportAllDeclaration':
    case 'ExportNamedDeclaration':
      return statement.source ?? undefined
    default:
      return undefined
  }
}

export function isFunction(node: Node): node is AnyFunction {
  return (
    node.type === 'FunctionDeclaration' ||
    node.type === 'FunctionExpression' ||
    node.type === 'ArrowFunctionExpression'
  )
}

export function isClass(node: Node): node is ESTree.Class {
  return node.type === 'ClassDeclaration' || node.type === 'ClassExpression'
}
