import { parseSync, Visitor, type ESTree } from 'rolldown/utils'

/** An import of a module, by its specifier. */
export interface Import {
  readonly specifier: string
  /** The import leaves no trace in JavaScript. */
  readonly typeOnly: boolean
  readonly line: number
}

/** What the checks ask of a module. */
export interface ModuleFacts {
  readonly imports: readonly Import[]
  /** Lines of casts through `unknown` (`x as unknown as T`). */
  readonly doubleCasts: readonly number[]
  /** Functions with more lines than asked for. */
  readonly longFunctions: readonly { readonly line: number; readonly lines: number }[]
  /** Comments that switch a lint rule off. */
  readonly disabled: readonly {
    readonly line: number
    readonly rules: readonly string[]
    readonly reason: string
  }[]
}

/** Callbacks that only list cases, and may have any number of them. */
const GROUPS: ReadonlySet<string> = new Set(['describe'])

/** Reads a module. @throws for text that does not parse. */
export function readModule(path: string, text: string, maxFunctionLines: number): ModuleFacts {
  const { program, module, comments, errors } = parseSync(path, text)
  if (errors.length > 0) throw new Error(`${path}: ${errors.map(({ message }) => message).join('; ')}`)
  const lineOf = lines(text)
  const imports: Import[] = []
  const add = (specifier: string, typeOnly: boolean, at: number): void =>
    void imports.push({ specifier, typeOnly, line: lineOf(at) })
  for (const { moduleRequest, entries, start } of module.staticImports)
    add(moduleRequest.value, entries.length > 0 && entries.every(({ isType }) => isType), start)
  for (const { entries, start } of module.staticExports) {
    const requests = new Map<string, boolean>()
    for (const { moduleRequest, isType } of entries)
      if (moduleRequest !== null)
        requests.set(moduleRequest.value, isType && (requests.get(moduleRequest.value) ?? true))
    for (const [specifier, typeOnly] of requests) add(specifier, typeOnly, start)
  }
  const doubleCasts: number[] = []
  const longFunctions: { line: number; lines: number }[] = []
  const groups = new Set<ESTree.Node>()
  const measure = (node: ESTree.Function | ESTree.ArrowFunctionExpression): void => {
    const count = lineOf(node.end) - lineOf(node.start) + 1
    if (count > maxFunctionLines && !groups.has(node))
      longFunctions.push({ line: lineOf(node.start), lines: count })
  }
  new Visitor({
    TSAsExpression({ expression, start }) {
      if (expression.type === 'TSAsExpression' && expression.typeAnnotation.type === 'TSUnknownKeyword')
        doubleCasts.push(lineOf(start))
    },
    ImportExpression({ source, start }) {
      if (source.type === 'Literal' && typeof source.value === 'string') add(source.value, false, start)
    },
    TSImportType({ source, start }) {
      add(source.value, true, start)
    },
    NewExpression({ callee, arguments: given, start }) {
      const [file, base] = given
      const isUrl =
        callee.type === 'Identifier' &&
        callee.name === 'URL' &&
        base?.type === 'MemberExpression' &&
        base.object.type === 'MetaProperty'
      if (isUrl && file?.type === 'Literal' && typeof file.value === 'string') add(file.value, false, start)
    },
    CallExpression({ callee, arguments: given }) {
      if (GROUPS.has(calledName(callee))) for (const argument of given) groups.add(argument)
    },
    FunctionDeclaration: measure,
    FunctionExpression: measure,
    ArrowFunctionExpression: measure,
  }).visit(program)
  const disabled = comments.flatMap(({ value, start }) => {
    const match =
      /^\s*(?:oxlint|eslint)-disable(?:-next-line|-line)?(?![\w-])\s*([^]*?)\s*(?:(?<=\s)--\s*([^]*))?$/.exec(
        value,
      )
    if (match === null) return []
    return [
      {
        line: lineOf(start),
        rules: (match[1] ?? '').split(',').map((rule) => rule.trim()),
        reason: (match[2] ?? '').trim(),
      },
    ]
  })
  return { imports, doubleCasts, longFunctions, disabled }
}

/** `describe` of `describe('...')`, `describe.skipIf(...)('...')` and `describe.each(...)('...')`. */
export function calledName(callee: ESTree.Expression): string {
  if (callee.type === 'Identifier') return callee.name
  if (callee.type === 'MemberExpression') return calledName(callee.object)
  return callee.type === 'CallExpression' ? calledName(callee.callee) : ''
}

/** Returns a function from an offset in `text` to its line, from 1. */
export function lines(text: string): (offset: number) => number {
  const starts = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1)
  return (offset) => {
    let low = 0
    let high = starts.length - 1
    while (low < high) {
      const middle = (low + high + 1) >> 1
      if ((starts[middle] as number) <= offset) low = middle
      else high = middle - 1
    }
    return low + 1
  }
}
