import type { Plugin } from 'rolldown'
import {
  type AnyFunction,
  children,
  type ESTree,
  isClass,
  isFunction,
  keyOf,
  nameOf,
  type Node,
  parse,
  walk,
} from './syntax.ts'

/**
 * Lowers a chunk's async functions to generators, and keeps all other syntax. esbuild does the lowering: the
 * bundler's own transform only knows language levels, and lowering class fields and object spread along with
 * async functions would lose names and the key `__proto__`. esbuild would refuse a top-level `await`, so each
 * `await` at the top level is hidden as a call meanwhile.
 */
export function asyncToGeneratorsPlugins(): Plugin[] {
  return [
    { name: 'unmoor:hide-top-level-await', renderChunk: (code, { fileName }) => hide(fileName, code) },
    { name: 'unmoor:async-to-generators', renderChunk: (code, { fileName }) => lower(fileName, code) },
    { name: 'unmoor:show-top-level-await', renderChunk: (code, { fileName }) => show(fileName, code) },
  ]
}

async function lower(sourcefile: string, code: string): Promise<{ code: string; map: string }> {
  const { transform } = await import('esbuild')
  return transform(code, {
    sourcefile,
    target: 'esnext',
    supported: { 'async-await': false, 'async-generator': false, 'for-await': false },
    sourcemap: 'external',
    sourcesContent: false,
    // esbuild renames a function that shadows an outer name, and restores its name by a call of `__name` (see
    // `dropName`).
    keepNames: true,
    charset: 'utf8',
    legalComments: 'none',
  })
}

/**
 * Names of the functions whose calls hide a top-level `await x`, `for await (... of x)` and `await using ...
 * = x` from esbuild.
 */
const AWAIT = '__unmoor_await'
const FOR_AWAIT = '__unmoor_for_await'
const AWAIT_USING = '__unmoor_await_using'

type Edited = { code: string; map: string } | null

async function hide(file: string, code: string): Promise<Edited> {
  if (!/\bawait\b/.test(code)) return null
  const { program } = await parse(file, code)
  const edit = await editOf(code)
  for (const node of outsideOfFunctions(program)) {
    if (node.type === 'AwaitExpression') {
      edit.replace(node.start, node.start + 'await'.length, `${AWAIT}(`)
      edit.after(node.end, ')')
    } else if (node.type === 'ForOfStatement' && node.await) {
      const start = code.indexOf('await', node.start)
      edit.replace(start, start + 'await'.length, '')
      edit.wrap(node.right, FOR_AWAIT)
    } else if (node.type === 'VariableDeclaration' && node.kind === 'await using') {
      edit.replace(node.start, code.indexOf('using', node.start), '')
      for (const { init } of node.declarations) if (init !== null) edit.wrap(init, AWAIT_USING)
    }
  }
  return edit.result()
}

async function show(file: string, code: string): Promise<Edited> {
  const { program } = await parse(file, code)
  const edit = await editOf(code)
  walk(program, (node, above) => {
    showAwait(node, edit)
    dropName(node, above, edit)
  })
  return edit.result()
}

function showAwait(node: Node, edit: Edit): void {
  if (isCallOf(node, AWAIT)) {
    edit.replace(node.start, node.start + AWAIT.length, '(await ')
    edit.after(node.end, ')')
  } else if (node.type === 'ForOfStatement' && isCallOf(node.right, FOR_AWAIT)) {
    edit.after(node.start + 'for'.length, ' await')
    edit.replace(node.right.start, node.right.start + FOR_AWAIT.length, '')
  } else if (node.type === 'VariableDeclaration') {
    const inits = node.declarations.flatMap(({ init }) => (isCallOf(init, AWAIT_USING) ? [init as Node] : []))
    if (inits.length > 0) edit.after(node.start, 'await ')
    for (const { start } of inits) edit.replace(start, start + AWAIT_USING.length, '')
  }
}

function isCallOf(node: Node | null, name: string): boolean {
  return node?.type === 'CallExpression' && nameOf(node.callee) === name
}

/**
 * Removes esbuild's `__name(value, "name")` where the function or class has that name anyway. esbuild writes
 * such a call for every function and class, and each call costs time whenever the function is created.
 */
function dropName(node: Node, above: readonly Node[], edit: Edit): void {
  if (node.type !== 'CallExpression' || !/^__name\d*$/.test(nameOf(node.callee) ?? '')) return
  const [value, text] = node.arguments
  if (value === undefined || text?.type !== 'Literal' || typeof text.value !== 'string') return
  const [holder, outer, body, parent] = [above.at(-1), above.at(-2), above.at(-4), above.at(-5)]
  if (value.type === 'ThisExpression') {
    // Matches a class that esbuild names by a static block: `class X { static { __name(this, "X") } }`.
    if (outer?.type !== 'StaticBlock' || outer.body.length > 1 || body === undefined || !isClass(body)) return
    if (ownName(body, parent) === text.value) edit.replace(outer.start, outer.end, '')
  } else if (value.type === 'Identifier') {
    if (holder?.type === 'ExpressionStatement' && value.name === text.value)
      edit.replace(holder.start, holder.end, '')
  } else if ((isFunction(value) || isClass(value)) && ownName(value, holder, node) === text.value) {
    edit.replace(node.start, value.start, '')
    edit.replace(value.end, node.end, '')
  }
}

/**
 * The name that a function or class has in JavaScript: its own, or the one inferred from its place in
 * `parent`. `placed` is the node in that place, which may be a call around `value`.
 */
function ownName(
  value: AnyFunction | ESTree.Class,
  parent: Node | undefined,
  placed: Node = value,
): string | undefined {
  if (value.type !== 'ArrowFunctionExpression' && value.id !== null) return value.id.name
  switch (parent?.type) {
    case 'VariableDeclarator':
      return parent.init === placed ? nameOf(parent.id) : undefined
    case 'AssignmentExpression':
      return parent.right === placed && parent.operator === '=' ? nameOf(parent.left) : undefined
    case 'AssignmentPattern':
      return parent.right === placed ? nameOf(parent.left) : undefined
    case 'Property':
    case 'PropertyDefinition':
      return parent.value === placed && !parent.computed ? keyOf(parent) : undefined
    default:
      return undefined
  }
}

function* outsideOfFunctions(node: Node): Generator<Node> {
  if (isFunction(node)) return
  yield node
  for (const child of children(node)) yield* outsideOfFunctions(child)
}

/** Edits of a chunk's source text, addressed by offsets in the original text. */
interface Edit {
  replace(start: number, end: number, text: string): void
  after(place: number, text: string): void
  /** Wraps an expression of the source in a call of `callee`, as the only argument. */
  wrap(node: Node, callee: string): void
  result(): Edited
}

async function editOf(code: string): Promise<Edit> {
  const { RolldownMagicString } = await import('rolldown')
  const text = new RolldownMagicString(code)
  return {
    replace: (start, end, by) => void (by === '' ? text.remove(start, end) : text.overwrite(start, end, by)),
    after: (place, by) => void text.appendLeft(place, by),
    wrap(node, callee) {
      text.appendLeft(node.start, `${callee}(`)
      text.appendLeft(node.end, ')')
    },
    result: () =>
      text.hasChanged() ? { code: text.toString(), map: text.generateMap({ hires: true }).toString() } : null,
  }
}
