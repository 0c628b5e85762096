/**
 * Makes each assertion of a test count for itself: one that fails is noted, and the test goes on. So a test
 * with a hundred assertions tells how many of them hold.
 */
import { children, type Node, parse, walk } from '../syntax.ts'

/** After a statement that may fail without ending the test. */
const NOTED = 'catch (error) { console.log(`a statement failed: ${String(error)}`) }'

/** Calls that the text puts around each assertion; `within/soft.ts` has the function. */
const SOFT = '__soft'

/** The text with each `assert.x(...)` inside a call that notes what becomes of it. */
export function softenAsserts(file: string, text: string): string {
  const edits: Edit[] = []
  const program = parse(text, 'js')
  guard(program, true, edits)
  walk(program, (node) => {
    if (!isAssert(node)) return
    const [open, close] = awaits(node) ? ['await ', 'async '] : ['', '']
    edits.push(
      { at: node.start, put: `(${open}${SOFT}('${nameOf(file, text, node)}', ${close}() => ` },
      { at: node.end, put: '))' },
    )
  })
  let soft = text
  for (const { at, put } of edits.toSorted((a, b) => b.at - a.at))
    soft = soft.slice(0, at) + put + soft.slice(at)
  return soft
}

function isAssert(node: Node): boolean {
  if (node.type !== 'CallExpression') return false
  const callee = node['callee'] as Node
  if (callee.type === 'Identifier') return callee['name'] === 'assert'
  return callee.type === 'MemberExpression' && (callee['object'] as Node)['name'] === 'assert'
}

interface Edit {
  at: number
  put: string
}

/**
 * Lets the statements of a test's own body fail one by one; what a test expects to be thrown (in `try`, in a
 * function that it hands on) is left alone.
 */
function guard(node: Node, top: boolean, edits: Edit[]): void {
  if (node.type === 'TryStatement') return
  for (const child of children(node)) {
    const own = node.type === 'BlockStatement' && mayFail(child)
    if (own) edits.push({ at: child.start, put: 'try { ' })
    if (!child.type.includes('Function')) guard(child, top, edits)
    else if (top) guard(child, false, edits)
    if (own) edits.push({ at: child.end, put: ` } ${NOTED}` })
  }
}

function mayFail(node: Node): boolean {
  if (node.type !== 'ExpressionStatement') return node.type === 'BlockStatement'
  const expression = node['expression'] as Node
  return !isAssert(expression.type === 'AwaitExpression' ? (expression['argument'] as Node) : expression)
}

/** True if an expression awaits something itself, not in a function within it. */
function awaits(node: Node): boolean {
  if (node.type === 'AwaitExpression') return true
  return !node.type.includes('Function') && children(node).some(awaits)
}

/** File, line and column, and what is asserted there. */
function nameOf(file: string, text: string, { start, end }: Node): string {
  const line = text.slice(0, start).split('\n').length
  const column = start - text.lastIndexOf('\n', start)
  const said = text
    .slice(start, end)
    .replace(/\s+/g, ' ')
    .replace(/[\\'`]/g, '"')
  return `${file}:${line}:${column} ${said.slice(0, 70)}`
}
