/** Compiles the examples of docstrings against the built package, as a project of a user would. */
import { dirname, join } from 'node:path'
import ts from 'typescript-5.9'
import { readProse } from './prose-facts.ts'

/** The code of one `@example`. */
export interface Example {
  /** The file whose docstring has it. */
  readonly file: string
  /** The line of its first line of code. */
  readonly line: number
  readonly code: string
}

/** What the compiler or the reader says of an example, a line for people. */
export type ExampleProblem = string

/** Every example of a module, and those that are no code. */
export function readExamples(
  file: string,
  text: string,
): { examples: Example[]; problems: ExampleProblem[] } {
  const examples: Example[] = []
  const problems: ExampleProblem[] = []
  for (const comment of readProse(file, text).comments) {
    for (const { index } of comment.text.matchAll(/@example\b/g)) {
      const before = comment.text.slice(0, index).split('\n').length - 1
      const code = /^@example\n```ts\n([^]*?)\n```/.exec(comment.text.slice(index))?.[1]
      if (code !== undefined) examples.push({ file, line: comment.line + before + 2, code })
      else
        problems.push(
          `${file}:${comment.line + before}: an @example without code. Write it between \`\`\`ts and \`\`\`.`,
        )
    }
  }
  return { examples, problems }
}

/** What an example finds without an import: an app with a binding of each kind. */
const GLOBALS = `
import { assets, blob, cache, defineBindings, kv, queue, secret, service, sql, variable } from 'unmoor'
import type { Context, Env } from 'unmoor'
const bindings = defineBindings({
  links: kv(), sessions: kv({ consistency: 'strong' }), photos: blob(), db: sql(), pages: cache(),
  clicks: queue<{ slug: string; at: number }>(), apiKey: secret(), region: variable(),
  billing: service(), files: assets({ directory: './public' }),
})
declare global {
  const env: Env<typeof bindings>
  const request: Request
  const ctx: Context
}
`

/** The app that `../src/app.ts` is to an example. */
const APP = `
import { defineApp, defineBindings, kv, queue } from 'unmoor'
export default defineApp({
  bindings: defineBindings({ links: kv(), clicks: queue<{ slug: string }>() }),
  queues: { clicks: () => {} },
  crons: { cleanup: { schedule: '0 3 * * *', run: () => {} } },
})
`

/** An example without imports has these, and is the body of a handler, which may return. */
const IMPORTS =
  'import { assets, blob, cache, defineBindings, kv, queue, secret, service, sql, variable } from "unmoor"; '
const isModule = (code: string): boolean => /^import /m.test(code)

/**
 * Compiles examples as modules in the package's own folder, where `unmoor` is what `dist` has.
 *
 * @returns Problems, each with its place in the docstring.
 */
export function compileExamples(root: string, examples: readonly Example[]): ExampleProblem[] {
  const folder = join(root, 'test', 'examples-of-docs')
  const files = new Map<string, string>([
    [join(folder, 'globals.ts'), GLOBALS],
    [join(root, 'test', 'src', 'app.ts'), APP],
  ])
  const byFile = new Map<string, Example>()
  for (const [index, example] of examples.entries()) {
    const path = join(folder, `${index}.ts`)
    // What is put before the code stays on its first line, so that lines are those of the docstring.
    const text = isModule(example.code)
      ? `${example.code}\nexport {}\n`
      : `${IMPORTS}export async function handle(): Promise<unknown> { ${example.code}\nreturn undefined }\n`
    files.set(path, text)
    byFile.set(path, example)
  }
  const options: ts.CompilerOptions = {
    target: ts.ScriptTarget.ESNext,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    lib: ['lib.esnext.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts', 'lib.dom.asynciterable.d.ts'],
    types: ['node'],
    strict: true,
    exactOptionalPropertyTypes: true,
    allowUnreachableCode: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    noEmit: true,
  }
  const host = ts.createCompilerHost(options)
  const disk = { ...host }
  host.getCurrentDirectory = () => root
  host.fileExists = (path) => files.has(path) || disk.fileExists(path)
  host.readFile = (path) => files.get(path) ?? disk.readFile(path)
  host.directoryExists = (path) =>
    [...files.keys()].some((file) => dirname(file) === path) || disk.directoryExists?.(path) === true
  host.getSourceFile = (path, ...rest) => {
    const text = files.get(path)
    return text === undefined
      ? disk.getSourceFile(path, ...rest)
      : ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true)
  }
  const program = ts.createProgram([...files.keys()], options, host)
  return [...files.keys()].flatMap((path) => {
    const source = program.getSourceFile(path)
    if (source === undefined) return []
    return [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)].map(
      ({ start = 0, messageText, code }) => {
        const line = source.getLineAndCharacterOfPosition(start).line
        const example = byFile.get(path)
        const place = example === undefined ? path : `${example.file}:${example.line + line}`
        return `${place}: the example does not compile: TS${code}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`
      },
    )
  })
}
