/** Finds what a public entry exports without a docstring: an editor shows nothing of it. */
import { relative } from 'node:path'
import ts from 'typescript-5.9'
import type { Entry } from './package.ts'
import { readPublicExports } from './public-exports.ts'

export interface Undocumented {
  /** The export, or `Class.method`. */
  readonly name: string
  /** The declaration file, from the package's folder. */
  readonly file: string
  /** The entries that export it. */
  readonly entries: readonly string[]
}

/**
 * Walks the exports of all public entries of the package in `root`, and the methods of exported classes. A
 * method that an exported base class documents needs no docstring of its own.
 *
 * @throws Error for an entry without a declaration file.
 */
export function findUndocumented(
  root: string,
  entries: readonly Entry[],
): { undocumented: Undocumented[]; symbols: number } {
  const { checker, exports } = readPublicExports(entries)
  const seen = new Map<ts.Symbol, string[]>()
  for (const { specifier, symbol } of exports) {
    const known = seen.get(symbol)
    if (known === undefined) seen.set(symbol, [specifier])
    else if (!known.includes(specifier)) known.push(specifier)
  }
  // An editor shows of an overloaded function only what stands at the overload in use.
  const isDocumented = (symbol: ts.Symbol): boolean => {
    const declarations = (symbol.declarations ?? []).filter(
      (one) => ts.isFunctionLike(one) || ts.isVariableDeclaration(one),
    )
    return declarations.length > 1
      ? declarations.every((one) => ts.getJSDocCommentsAndTags(one).length > 0)
      : ts.displayPartsToString(symbol.getDocumentationComment(checker)).trim() !== '' ||
          symbol.getJsDocTags(checker).length > 0
  }
  const undocumented: Undocumented[] = []
  for (const [symbol, from] of seen) {
    const file = relative(root, symbol.declarations?.[0]?.getSourceFile().fileName ?? root)
    if (file.startsWith('..') || file.includes('node_modules')) continue
    const add = (name: string): void => void undocumented.push({ name, file, entries: from })
    if (!isDocumented(symbol)) add(symbol.name === 'default' ? `default of ${from[0]}` : symbol.name)
    for (const method of methods(symbol)) if (!isDocumented(method)) add(`${symbol.name}.${method.name}`)
  }
  return {
    undocumented: undocumented.sort((a, b) => (a.file + a.name < b.file + b.name ? -1 : 1)),
    symbols: seen.size,
  }
}

/** What every object has needs no words. */
const COMMON: ReadonlySet<string> = new Set(['toString', 'toJSON'])

/** The public methods of a class, its own ones. */
function methods(symbol: ts.Symbol): ts.Symbol[] {
  return [...(symbol.members?.values() ?? [])].filter(
    (member) =>
      (member.flags & ts.SymbolFlags.Method) !== 0 &&
      !member.name.startsWith('__') &&
      !COMMON.has(member.name) &&
      (member.declarations ?? []).some(
        (declaration) =>
          ts.isMethodDeclaration(declaration) &&
          (ts.getCombinedModifierFlags(declaration) &
            (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) ===
            0,
      ),
  )
}
