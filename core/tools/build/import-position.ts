import { children, isFunction, nameOf, parse, sourceOf, walk, type ESTree, type Node } from './syntax.ts'

/** Where a module's source imports something. Lines from 1, columns from 1. */
export interface ImportPosition {
  line: number
  column: number
  /** `import()` and a `require` that runs only when reached, as against what runs at load. */
  dynamic: boolean
}

/**
 * The first place in `code` that imports `specifier`, static imports first; undefined where none is found.
 */
export async function findImport(
  file: string,
  code: string,
  specifier: string,
): Promise<ImportPosition | undefined> {
  const { program } = await parse(file, code)
  const found = [...importNodes(program, specifier, false)].sort(
    (a, b) => Number(a.dynamic) - Number(b.dynamic) || a.start - b.start,
  )[0]
  if (found === undefined) return undefined
  return { ...placeOf(code, found.start), dynamic: found.dynamic }
}

/**
 * The first place that makes or calls the global `name`; `dynamic` where the module asks with `typeof`
 * whether it is there. Undefined where it is not named.
 */
export async function findUse(file: string, code: string, name: string): Promise<ImportPosition | undefined> {
  const { program } = await parse(file, code)
  const uses: { start: number; rank: number }[] = []
  let asked = false
  walk(program, (node) => {
    if (isName(node, name)) uses.push({ start: node.start, rank: 1 })
    if ((node.type === 'NewExpression' || node.type === 'CallExpression') && isName(node.callee, name))
      uses.push({ start: node.start, rank: 0 })
    if (node.type === 'UnaryExpression' && node.operator === 'typeof' && isName(node.argument, name))
      asked = true
  })
  const found = uses.sort((a, b) => a.rank - b.rank || a.start - b.start)[0]
  return found === undefined ? undefined : { ...placeOf(code, found.start), dynamic: asked }
}

function isName(node: Node, name: string): boolean {
  if (node.type === 'Identifier') return node.name === name
  if (node.type !== 'MemberExpression' || node.computed) return false
  return node.object.type === 'Identifier' && isName(node.property, name)
}

function placeOf(code: string, start: number): { line: number; column: number } {
  const before = code.slice(0, start).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

function* importNodes(
  node: Node,
  specifier: string,
  guarded: boolean,
): Generator<{ start: number; dynamic: boolean }> {
  const source = importSource(node)
  if (source?.type === 'Literal' && source.value === specifier)
    yield { start: source.start, dynamic: guarded || node.type === 'ImportExpression' }
  const inside = guarded || node.type === 'TryStatement' || isFunction(node)
  for (const child of children(node)) yield* importNodes(child, specifier, inside)
}

function importSource(node: Node): ESTree.Argument | undefined {
  if (node.type === 'CallExpression') return nameOf(node.callee) === 'require' ? node.arguments[0] : undefined
  return node.type === 'ImportExpression' ? node.source : sourceOf(node)
}
