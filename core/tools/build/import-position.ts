import { children, isFunction, nameOf, parse, sourceOf, walk, type ESTree, type Node } from './syntax.ts'

/** Where a module's source imports something. Lines from 1, columns from 1. */
export interface ImportPosition {
  line: number
  column: number
  /** `import()` and a `require` that runs only when reached, as against what runs at load. */
  dynamic: boolean
  /** True if its failure is caught where it stands: `try { require() } catch {}`, `import().catch()`. */
  caught: boolean
}

/**
 * The first place in `code` that imports `specifier`, static imports first and caught ones last; undefined
 * where none is found.
 */
export async function findImport(
  file: string,
  code: string,
  specifier: string,
): Promise<ImportPosition | undefined> {
  const { program } = await parse(file, code)
  const around = { late: false, caught: false }
  const literal = [...importNodes(program, (source) => isText(source, specifier), around)]
  // The bundler puts constants together: libraries hide optional imports as require(`x${NOTHING}`).
  const computed = (source: Node): boolean => source.type !== 'Literal'
  const found = (literal.length > 0 ? literal : [...importNodes(program, computed, around)]).sort(
    (a, b) =>
      Number(a.caught) - Number(b.caught) || Number(a.dynamic) - Number(b.dynamic) || a.start - b.start,
  )[0]
  if (found === undefined) return undefined
  return { ...placeOf(code, found.start), dynamic: found.dynamic, caught: found.caught }
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

/** What is known of a place in the code from what stands around it. */
interface Around {
  /** True if the code runs only when reached. */
  late: boolean
  /** True if what the code throws is caught. */
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

/** True if `node` catches what its child `child` throws, or the promise that it is rejects with. */
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
