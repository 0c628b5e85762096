import { readFile } from 'node:fs/promises'
import { isRule, type RuleId } from './rules.ts'
import { readNames, type Names } from './scope.ts'
import { parse, type Comment, type ESTree, type Parsed } from '../build/syntax.ts'

/** A position in a source text; line and column count from 1. */
export interface Position {
  line: number
  column: number
}

/** A source text with its lines and its `unmoor-ignore` comments. */
export class SourceText {
  /** Absolute path of the source file. */
  readonly path: string
  readonly text: string
  readonly silences: readonly Silence[]
  #lines: number[] | undefined

  constructor(path: string, text: string, comments: readonly Comment[]) {
    this.path = path
    this.text = text
    this.silences = comments.flatMap((comment) => this.#silence(comment))
  }

  position(offset: number): Position {
    const starts = this.#starts()
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] as number) <= offset) low = middle
      else high = middle - 1
    }
    return { line: low + 1, column: offset - (starts[low] as number) + 1 }
  }

  /** Returns the text of a source line, without the line break. Lines count from 1. */
  line(number: number): string {
    const starts = this.#starts()
    return this.text
      .slice(starts[number - 1] ?? this.text.length, starts[number] ?? this.text.length)
      .replace(/\r?\n$/, '')
  }

  get lineCount(): number {
    return this.#starts().length
  }

  #starts(): number[] {
    if (this.#lines === undefined) {
      this.#lines = [0]
      for (let at = this.text.indexOf('\n'); at >= 0; at = this.text.indexOf('\n', at + 1))
        this.#lines.push(at + 1)
    }
    return this.#lines
  }

  /** Returns the first line of code from `line` on: the first that is neither empty nor a comment. */
  #nextCode(line: number): number {
    let next = line
    while (next < this.lineCount && /^\s*(\/\/.*|--.*|\*.*|\/\*.*)?$/.test(this.line(next))) next++
    return next
  }

  #silence({ value, start, end }: Comment): Silence[] {
    const match = /^[\s*]*unmoor-ignore\s+([\w-]+(?:\s*,\s*[\w-]+)*)\s*(?::\s*([^]*))?$/.exec(value)
    if (match === null) return []
    const { line } = this.position(start)
    // A silencing comment on a line of its own applies to the next line of code. A silencing comment after
    // code applies to its own line.
    const alone =
      this.line(line)
        .slice(0, this.position(start).column - 1)
        .trim() === ''
    const spoken = alone ? this.#nextCode(this.position(end - 1).line + 1) : line
    const rules = (match[1] as string).split(',').map((rule) => rule.trim())
    return [
      {
        at: start,
        line: spoken,
        rules: rules.filter(isRule),
        unknown: rules.filter((rule) => !isRule(rule)),
        reason: (match[2] ?? '').trim(),
        used: new Set(),
      },
    ]
  }
}

/** A comment that silences findings of `unmoor check`: `unmoor-ignore RULE: reason`. */
export interface Silence {
  at: number
  /** Line to which the silencing comment applies. */
  line: number
  rules: readonly RuleId[]
  /** Names in the silencing comment that are not rules. */
  unknown: readonly string[]
  reason: string
  /** Rules whose findings the silencing comment has silenced. */
  used: Set<RuleId>
}

/** A parsed module of the app or of a package: its text, syntax tree and names. */
export class SourceFile extends SourceText {
  readonly program: ESTree.Program
  readonly names: Names
  /** Syntax errors that the parser found in the module, as messages. */
  readonly errors: readonly string[]

  constructor(path: string, text: string, parsed: Parsed) {
    super(path, text, parsed.comments)
    this.program = parsed.program
    this.errors = parsed.errors
    this.names = readNames(parsed.program)
  }
}

/** Reads and parses the module at `path`. */
export async function readSourceFile(path: string): Promise<SourceFile> {
  const text = await readFile(path, 'utf8')
  return new SourceFile(path, text, await parse(path, text))
}
