import { children, isFunction, nameOf, parse, sourceOf, walk, type ESTree, type Node } from './syntax.ts'

/** Position of an import in a module's source. Lines and columns count from 1. */
export interface ImportPosition {
  line: number
  column: number
  /** True if the import is an `import()`, or a `require` that does not run when the module loads. */
  dynamic: boolean
  /**
   * True if the failure of an import is caught on the spot: `try { require() } catch {}` or
   * `import().catch()`.
   */
  caught: boolean
}

/**
 * The first import of `specifier` in `code`, static imports before lazy imports, and imports with caught
 * errors last; undefined if there is none.
 */
export async function findImport(
  file: string,
  code: string,
  specifier: string,
): Promise<ImportPosition | undefined> {
  const { program } = await parse(file, code)
  const around = { late: false, caught: false }
  const literal = [...importNodes(program, (source) => isText(source, specifier), around)]
  // If no import with a literal specifier matches, computed ones count: libraries hide optional imports as
  // require(`x${NOTHING}`), and the bundler folds the constants.
  const computed = (source: Node): boolean => source.type !== 'Literal'
  const found = (literal.length > 0 ? literal : [...importNodes(program, computed, around)]).sort(
    (a, b) =>
      Number(a.caught) - Number(b.caught) || Number(a.dynamic) - Number(b.dynamic) || a.start - b.start,
  )[0]
  if (found === undefined) return undefined
  return { ...placeOf(code, found.start), dynamic: found.dynamic, caught: found.caught }
}

/**
 * The position of the first `new` or call of the global `name` in a module, else its first mention; undefined
 * if there is none. `dynamic` is true if the module checks for the global with `typeof`.
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
  return found === undefined ? undefined : { ...placeOf(code, found.start), dynamic: asked, caught: asked }
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

/** Facts about an import's place in a module, from the enclosing code. */
interface Around {
  /** True if the import runs only when its code is reached, not when the module loads. */
  late: boolean
  /** True if an error of the import is caught. */
  caught: boolean
}

function isText(source: Node, text: string): boolean {
  return source.type === 'Literal' && source.value === text
}

function* importNodes(
  node: Node,
  isIt: (source: Node) => boolean,
  around: Around,
): Generator<{ start: number; dynamic: boolean; caught: boolean }> {
  const source = importSource(node)
  if (source !== undefined && source !== null && isIt(source))
    yield {
      start: source.start,
      dynamic: around.late || around.caught || node.type === 'ImportExpression',
      caught: around.caught,
    }
  for (const child of children(node))
    yield* importNodes(child, isIt, {
      late: around.late || node.type === 'TryStatement' || isFunction(node),
      caught: isCaught(node, child) || (around.caught && !isFunction(node)),
    })
}

/**
 * True if the syntax node `node` catches an error of its child `child`: as a `try` block, or as a promise
 * with a rejection handler.
 */
function isCaught(node: Node, child: Node): boolean {
  if (node.type === 'TryStatement') return node.handler !== null && child === node.block
  if (node.type !== 'CallExpression' || child !== node.callee) return false
  if (node.callee.type !== 'MemberExpression') return false
  const method = nameOf(node.callee.property)
  return method === 'catch' || (method === 'then' && node.arguments.length > 1)
}

function importSource(node: Node): ESTree.Argument | undefined {
  if (node.type === 'CallExpression') return nameOf(node.callee) === 'require' ? node.arguments[0] : undefined
  return node.type === 'ImportExpression' ? node.source : sourceOf(node)
}
