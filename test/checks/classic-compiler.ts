/**
 * Compiles projects with TypeScript 5.9 in one process, which parses the compiler's own library once for all
 * of them: a process for each project takes three times the CPU time. Only files that can hold an error of
 * ours are checked.
 *
 * `node test/checks/classic-compiler.ts TSCONFIG...` prints one line of JSON for each tsconfig.json: its
 * errors, as `tsc` prints them.
 */
import { dirname, join, relative } from 'node:path'
import ts from 'typescript-5.9'
import { concernsUs } from './concerns.ts'
import { ROOT } from './package.ts'

const LIBRARY = join(ROOT, 'node_modules/typescript-5.9/lib/')
/** Parsed files of the compiler's own library, by path and the options that they were parsed with. */
const library = new Map<string, ts.SourceFile | undefined>()

/** A host that reads the compiler's own library once, and writes nothing. */
function createHost(options: ts.CompilerOptions, dir: string): ts.CompilerHost {
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile.bind(host)
  return {
    ...host,
    getCurrentDirectory: () => dir,
    writeFile: () => {},
    getSourceFile(file, languageVersion, ...rest) {
      if (!file.startsWith(LIBRARY)) return read(file, languageVersion, ...rest)
      const key = `${file} ${JSON.stringify(languageVersion)}`
      if (!library.has(key)) library.set(key, read(file, languageVersion, ...rest))
      return library.get(key)
    },
  }
}

function parseConfig(config: string): ts.ParsedCommandLine {
  const { config: json, error } = ts.readConfigFile(config, (path) => ts.sys.readFile(path))
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'))
  return ts.parseJsonConfigFileContent(json, ts.sys, dirname(config), undefined, config)
}

/** The errors of a project, as `tsc` prints them. */
function compile(config: string): string[] {
  const dir = dirname(config)
  const { options, fileNames, errors } = parseConfig(config)
  const program = ts.createProgram({
    rootNames: fileNames,
    options,
    host: createHost(options, dir),
    configFileParsingDiagnostics: errors,
  })
  const files = program
    .getSourceFiles()
    .filter((file) => !file.fileName.startsWith(LIBRARY) && concernsUs(relative(dir, file.fileName)))
  const found = [
    ...program.getConfigFileParsingDiagnostics(),
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...files.flatMap((file) => [
      ...program.getSyntacticDiagnostics(file),
      ...program.getSemanticDiagnostics(file),
      ...(file.isDeclarationFile ? [] : program.getDeclarationDiagnostics(file)),
    ]),
  ]
  const format = {
    getCurrentDirectory: () => dir,
    getCanonicalFileName: (name: string) => name,
    getNewLine: () => '\n',
  }
  return found.map((diagnostic) => ts.formatDiagnostic(diagnostic, format).trimEnd())
}

for (const config of process.argv.slice(2))
  process.stdout.write(`${JSON.stringify({ config, errors: compile(config) })}\n`)
