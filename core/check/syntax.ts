/** The syntax tree as the rules read it: ESTree with TypeScript, from the bundler's own parser (oxc). */
export interface Node {
  readonly type: string
  readonly start: number
  readonly end: number
  readonly [key: string]: unknown
}

/** A comment, without its marks. */
export interface Comment {
  readonly value: string
  readonly start: number
  readonly end: number
}

/** What a file parses to. */
export interface Parsed {
  readonly program: Node
  readonly comments: readonly Comment[]
  /** Where it does not parse: the parser's messages. */
  readonly errors: readonly string[]
}

/** Parses TypeScript or JavaScript; the file's name tells which. */
export async function parse(file: string, code: string): Promise<Parsed> {
  const { parseSync } = await import('rolldown/utils')
  const { program, comments, errors } = parseSync(file, code)
  return { program: program as unknown as Node, comments, errors: errors.map(({ message }) => message) }
}

export function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string'
}

/** The nodes directly below `node`, in the order of the text. */
export function* children(node: Node): Generator<Node> {
  for (const key in node) {
    const child = node[key]
    if (Array.isArray(child)) {
      for (const item of child) if (isNode(item)) yield item
    } else if (isNode(child)) yield child
  }
}

/** Calls `visit` for every node, parents first, with the nodes above it, nearest last. */
export function walk(node: Node, visit: (node: Node, above: readonly Node[]) => void, above: Node[] = []): void {
  visit(node, above)
  above.push(node)
  for (const child of children(node)) walk(child, visit, above)
  above.pop()
}

/** The expression within parentheses, `!`, `as T`, `satisfies T`, `await` and optional chains. */
export function bare(node: Node): Node {
  let inner = node
  while (WRAPPERS.has(inner.type)) inner = (inner['expression'] ?? inner['argument']) as Node
  return inner
}

const WRAPPERS: ReadonlySet<string> = new Set([
  'ParenthesizedExpression',
  'TSNonNullExpression',
  'TSAsExpression',
  'TSSatisfiesExpression',
  'TSTypeAssertion',
  'AwaitExpression',
  'ChainExpression',
])

/** The name of an identifier; undefined for any other node. */
export function nameOf(node: unknown): string | undefined {
  return isNode(node) && node.type === 'Identifier' ? (node['name'] as string) : undefined
}

/** The name of a property in `object.name`, `object['name']`, `{ name: ... }` or a class; undefined where it is computed. */
export function keyOf(node: Node): string | undefined {
  const key = (node['property'] ?? node['key']) as Node | undefined
  if (key === undefined) return undefined
  if (key.type === 'Literal') return String(key['value'])
  if (key.type === 'PrivateIdentifier') return `#${key['name'] as string}`
  return node['computed'] === true ? undefined : nameOf(key)
}

/** Named properties of an object literal; spread and computed ones are left out. */
export function propertiesOf(object: Node): Map<string, Node> {
  const found = new Map<string, Node>()
  for (const property of (object['properties'] ?? []) as Node[]) {
    const key = property.type === 'Property' ? keyOf(property) : undefined
    if (key !== undefined) found.set(key, property)
  }
  return found
}
