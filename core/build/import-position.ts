/** Where a module's source imports something. Lines from 1, columns from 1. */
export interface ImportPosition {
  line: number
  column: number
  /** `import()` and a `require` that runs only when reached, as against what runs at load. */
  dynamic: boolean
}

interface Node {
  type: string
  start: number
  [key: string]: unknown
}

/** The first place in `code` that imports `specifier`, static imports first; undefined where none is found. */
export async function findImport(file: string, code: string, specifier: string): Promise<ImportPosition | undefined> {
  const { parseSync } = await import('rolldown/utils')
  const { program } = parseSync(file, code)
  const found = [...importNodes(program as unknown as Node, specifier, false)].sort((a, b) => Number(a.dynamic) - Number(b.dynamic) || a.start - b.start)[0]
  if (found === undefined) return undefined
  return { ...placeOf(code, found.start), dynamic: found.dynamic }
}

/** The first place that makes or calls the global `name`; `dynamic` where the module asks with `typeof` whether it is there. Undefined where it is not named. */
export async function findUse(file: string, code: string, name: string): Promise<ImportPosition | undefined> {
  const { parseSync } = await import('rolldown/utils')
  const { program } = parseSync(file, code)
  const uses: { start: number; rank: number }[] = []
  let asked = false
  walk(program as unknown as Node, (node) => {
    if (isName(node, name)) uses.push({ start: node.start, rank: 1 })
    if ((node.type === 'NewExpression' || node.type === 'CallExpression') && isName(node['callee'] as Node, name)) uses.push({ start: node.start, rank: 0 })
    if (node.type === 'UnaryExpression' && node['operator'] === 'typeof' && isName(node['argument'] as Node, name)) asked = true
  })
  const found = uses.sort((a, b) => a.rank - b.rank || a.start - b.start)[0]
  return found === undefined ? undefined : { ...placeOf(code, found.start), dynamic: asked }
}

function isName(node: Node, name: string): boolean {
  if (node.type === 'Identifier') return node['name'] === name
  if (node.type !== 'MemberExpression' || node['computed'] === true) return false
  return (node['object'] as Node).type === 'Identifier' && isName(node['property'] as Node, name)
}

function walk(node: Node, visit: (node: Node) => void): void {
  visit(node)
  for (const child of Object.values(node)) {
    for (const item of Array.isArray(child) ? child : [child]) {
      if (typeof item === 'object' && item !== null && typeof (item as Node).type === 'string') walk(item as Node, visit)
    }
  }
}

function placeOf(code: string, start: number): { line: number; column: number } {
  const before = code.slice(0, start).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

function* importNodes(node: Node, specifier: string, guarded: boolean): Generator<{ start: number; dynamic: boolean }> {
  const source = importSource(node)
  if (source !== undefined && source.value === specifier) yield { start: source.start, dynamic: guarded || node.type === 'ImportExpression' }
  const inside =
    guarded || node.type === 'TryStatement' || node.type.endsWith('Function') || node.type.endsWith('FunctionExpression') || node.type === 'FunctionDeclaration'
  for (const child of Object.values(node)) {
    for (const item of Array.isArray(child) ? child : [child]) {
      if (typeof item === 'object' && item !== null && typeof (item as Node).type === 'string') yield* importNodes(item as Node, specifier, inside)
    }
  }
}

function importSource(node: Node): (Node & { value?: unknown }) | undefined {
  if (node.type === 'CallExpression') {
    const callee = node['callee'] as Node & { name?: string }
    return callee.type === 'Identifier' && callee.name === 'require' ? (node['arguments'] as Node[])[0] : undefined
  }
  return /^(Import|Export)/.test(node.type) ? ((node['source'] ?? undefined) as Node | undefined) : undefined
}
