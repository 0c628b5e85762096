/**
 * Finds forgotten exports: declarations that a public entry's types lead to and that no public entry exports.
 * A program that infers such a type cannot write it into its own declarations (TS2883, TS2742).
 */
import { relative, sep } from 'node:path'
import ts from 'typescript-5.9'
import type { Entry } from './package.ts'
import { aliased, readPublicExports } from './public-exports.ts'

export interface Forgotten {
  name: string
  /** The declaration file, from the package's folder. */
  file: string
  /** How it is reached: an entry, one of its exports, and the declarations in between. */
  path: readonly string[]
}

interface Reached {
  symbol: ts.Symbol
  path: readonly string[]
}

/**
 * Walks the declarations of all entries of the package in `root`. Internal entries export nothing here and
 * are not walked: what they have is for generated code.
 *
 * @throws Error for an entry without a declaration file.
 */
export function findForgotten(root: string, entries: readonly Entry[]): Forgotten[] {
  const { checker, exports } = readPublicExports(entries)
  const exported = new Set(exports.map(({ symbol }) => symbol))
  const queue: Reached[] = exports.map(({ specifier, name, symbol }) => ({ symbol, path: [specifier, name] }))
  const seen = new Set(queue.map(({ symbol }) => symbol))
  const forgotten: Forgotten[] = []
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { symbol, path } = next
    for (const used of (symbol.declarations ?? []).flatMap((declaration) =>
      references(checker, declaration),
    )) {
      if (seen.has(used) || !isOwn(root, used)) continue
      seen.add(used)
      const at = [...path, used.name]
      if (!exported.has(used)) forgotten.push({ name: used.name, file: fileOf(root, used), path: at })
      queue.push({ symbol: used, path: at })
    }
  }
  return forgotten.sort((a, b) => (a.file + a.name < b.file + b.name ? -1 : 1))
}

/**
 * Everything on the module level that a declaration names. Private members do not count: what they are is not
 * written into declarations.
 */
function references(checker: ts.TypeChecker, declaration: ts.Node): ts.Symbol[] {
  const found: ts.Symbol[] = []
  const visit = (node: ts.Node): void => {
    if (ts.isClassElement(node) && isPrivate(node)) return
    if (ts.isIdentifier(node)) {
      const symbol = checker.getSymbolAtLocation(node)
      if (symbol !== undefined) found.push(aliased(checker, symbol))
    }
    ts.forEachChild(node, visit)
  }
  visit(declaration)
  return found.filter((symbol) => (symbol.flags & NAMED) !== 0)
}

function isPrivate(node: ts.ClassElement): boolean {
  if (node.name !== undefined && ts.isPrivateIdentifier(node.name)) return true
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node) ?? []).some(({ kind }) => kind === ts.SyntaxKind.PrivateKeyword)
  )
}

/**
 * What can stand alone in a module. Members, parameters and type parameters belong to something that does.
 */
const NAMED =
  ts.SymbolFlags.Class |
  ts.SymbolFlags.Interface |
  ts.SymbolFlags.TypeAlias |
  ts.SymbolFlags.Enum |
  ts.SymbolFlags.Function |
  ts.SymbolFlags.Variable

function isOwn(root: string, symbol: ts.Symbol): boolean {
  return (symbol.declarations ?? []).some((declaration) => {
    const { fileName } = declaration.getSourceFile()
    return (
      isOnModuleLevel(declaration) &&
      !relative(root, fileName).startsWith('..') &&
      !fileName.includes(`${sep}node_modules${sep}`)
    )
  })
}

function isOnModuleLevel(declaration: ts.Declaration): boolean {
  const { parent } = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
  return ts.isSourceFile(parent)
}

function fileOf(root: string, symbol: ts.Symbol): string {
  return relative(root, symbol.declarations?.[0]?.getSourceFile().fileName ?? root)
}
