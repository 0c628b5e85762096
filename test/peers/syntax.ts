/** The little of a syntax tree that the changes of the peers' tests need. */
import { parseAst } from 'rolldown/parseAst'

export interface Node {
  type: string
  start: number
  end: number
  [key: string]: unknown
}

/** The program of a module. @throws where it is not valid. */
export function parse(text: string, lang: 'js' | 'ts'): Node {
  const program: unknown = parseAst(text, { lang })
  return program as Node
}

/** The nodes directly below one. */
export function children(node: Node): Node[] {
  return Object.values(node)
    .flatMap((value) => (Array.isArray(value) ? (value as unknown[]) : [value]))
    .filter((value): value is Node => typeof (value as Node | null)?.type === 'string')
}

/** Visits `node` and all below it. */
export function walk(node: Node, visit: (node: Node) => void): void {
  visit(node)
  for (const child of children(node)) walk(child, visit)
}
