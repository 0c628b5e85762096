import { parseSync, Visitor, type ESTree } from 'rolldown/utils'
import { calledName, lines } from './module-facts.ts'

/** A text of a module, with the line on which it begins. */
export interface Prose {
  readonly line: number
  readonly text: string
}

/** What the checks of plain English read of a module. */
export interface ProseFacts {
  /**
   * Comments without their marks, lines kept. Line comments below each other are one comment, as a reader
   * takes them.
   */
  readonly comments: readonly Prose[]
  /** Titles of `it` and `test`, where they are literals. */
  readonly titles: readonly Prose[]
}

const TESTS: ReadonlySet<string> = new Set(['it', 'test'])

/** Reads a module. @throws for text that does not parse. */
export function readProse(path: string, text: string): ProseFacts {
  const { program, comments, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors.map(({ message }) => message).join('; ')}`)
  const lineOf = lines(text)
  const found: { line: number; text: string }[] = []
  let end = 0
  for (const { type, value, start, end: after } of comments) {
    const last = found.at(-1)
    const follows = type === 'Line' && last !== undefined && /^\n[^\S\n]*$/.test(text.slice(end, start))
    if (follows) last.text += `\n${value.trim()}`
    else found.push({ line: lineOf(start), text: type === 'Line' ? value.trim() : withoutMarks(value) })
    end = type === 'Line' ? after : -1
  }
  const titles: Prose[] = []
  new Visitor({
    CallExpression({ callee, arguments: [title] }: ESTree.CallExpression) {
      if (TESTS.has(calledName(callee)) && title?.type === 'Literal' && typeof title.value === 'string')
        titles.push({ line: lineOf(title.start), text: title.value })
    },
  }).visit(program)
  return { comments: found, titles }
}

/** The lines of a block comment, as many as it has. */
function withoutMarks(value: string): string {
  return value
    .split('\n')
    .map((line) => line.replace(/^\s*\*+ ?/, '').trimEnd())
    .join('\n')
}
