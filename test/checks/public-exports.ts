import ts from 'typescript-5.9'
import type { Entry } from './package.ts'

/** An export of a public entry. */
export interface PublicExport {
  /** The entry, as a user imports it: `unmoor/drivers/sqlite`. */
  readonly specifier: string
  /** The name under which the entry exports the symbol. */
  readonly name: string
  /** The exported symbol itself; an import or a re-export is followed to what it stands for. */
  readonly symbol: ts.Symbol
}

/**
 * Reads the declarations of all public entries. Internal entries are left out: only generated code imports them.
 *
 * @throws Error for an entry without a declaration file.
 */
export function readPublicExports(entries: readonly Entry[]): {
  checker: ts.TypeChecker
  exports: readonly PublicExport[]
} {
  const publicEntries = entries.filter(({ internal }) => !internal)
  const program = ts.createProgram(
    publicEntries.map(({ declarations }) => declarations),
    {
      target: ts.ScriptTarget.ESNext,
      module: ts.ModuleKind.NodeNext,
      moduleResolution: ts.ModuleResolutionKind.NodeNext,
      types: [],
      // Names of the language's own library need not be known; loading the library would take most of the time.
      noLib: true,
      noEmit: true,
    },
  )
  const checker = program.getTypeChecker()
  const exports = publicEntries.flatMap(({ specifier, declarations }) => {
    const source = program.getSourceFile(declarations)
    if (source === undefined)
      throw new Error(`${specifier} has no declarations in ${declarations}. Run: npm run build`)
    const module = checker.getSymbolAtLocation(source)
    if (module === undefined) return []
    return checker
      .getExportsOfModule(module)
      .map((symbol) => ({ specifier, name: symbol.name, symbol: aliased(checker, symbol) }))
  })
  return { checker, exports }
}

/** Returns the symbol that an alias (an import, a re-export) stands for; other symbols as they are. */
export function aliased(checker: ts.TypeChecker, symbol: ts.Symbol): ts.Symbol {
  return (symbol.flags & ts.SymbolFlags.Alias) === 0 ? symbol : checker.getAliasedSymbol(symbol)
}
