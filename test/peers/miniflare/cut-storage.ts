/**
 * Cuts out of a test of miniflare what looks at the simulator's own storage (its tables, blobs and folders),
 * for the oracle and for ours alike. What the test asserts of the binding stays.
 */
import { children, type Node, parse } from '../syntax.ts'

const LOOKS = /^(?:stmts\.|sqlStmts\(|fs\.readdir\()|\.(?:getBlob|sqlQuery)\(/

/** The text without those statements. */
export function cutStorage(text: string): string {
  const cuts: { start: number; end: number }[] = []
  const tainted = new Set<string>()
  const visitStatements = (statements: Node[]): void => {
    for (const statement of statements) {
      if (looks(statement, text, tainted)) {
        for (const name of declared(statement)) tainted.add(name)
        cuts.push(statement)
      } else children(statement).forEach(visit)
    }
  }
  const visit = (node: Node): void => {
    if (node.type === 'BlockStatement') visitStatements(node['body'] as Node[])
    else children(node).forEach(visit)
  }
  for (const statement of parse(text, 'ts')['body'] as Node[]) {
    if (!isTest(statement)) continue
    tainted.clear()
    visit(statement)
  }
  let rest = text
  for (const { start, end } of cuts.toReversed()) rest = rest.slice(0, start) + rest.slice(end)
  return rest
}

function isTest(statement: Node): boolean {
  const call = statement.type === 'ExpressionStatement' ? (statement['expression'] as Node) : undefined
  return call?.type === 'CallExpression' && (call['callee'] as Node)['name'] === 'test'
}

/** True if a statement itself looks at the storage; one that has blocks is looked through. */
function looks(node: Node, text: string, tainted: ReadonlySet<string>): boolean {
  if (node.type === 'Identifier') return tainted.has(node['name'] as string)
  if (node.type === 'CallExpression' && LOOKS.test(text.slice(node.start, node.end))) return true
  return children(node).some((child) => looks(child, text, tainted))
}

function declared(node: Node): string[] {
  if (node.type !== 'VariableDeclaration') return []
  return (node['declarations'] as Node[]).flatMap(({ id }) => {
    const name = (id as Node)['name']
    return typeof name === 'string' ? [name] : []
  })
}
