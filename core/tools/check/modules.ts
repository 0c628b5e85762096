import { existsSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Declaration } from './scope.ts'
import { readSourceFile, type SourceFile } from './source-file.ts'
import { nameOf, sourceOf, type ESTree, type Node, type Pattern } from '../build/syntax.ts'

/**
 * Meaning of a name that a module of the app exports: a declaration, an expression (`export default ...`), or
 * a whole module (`export * as`).
 */
export type Exported =
  | { file: SourceFile; declaration: Declaration }
  | { file: SourceFile; node: Node }
  | { module: SourceFile }

const DEPTH = 10

/** Resolves imports between the app's own modules. */
export class Modules {
  /** The app's modules in any target's bundle, by absolute path. */
  readonly files: ReadonlyMap<string, SourceFile>
  #all: ReadonlyMap<string, SourceFile>

  private constructor(files: ReadonlyMap<string, SourceFile>, all: ReadonlyMap<string, SourceFile>) {
    this.files = files
    this.#all = all
  }

  /**
   * Creates the index of an app's modules. Modules that `files` import but no bundle contains are parsed too:
   * modules of types, and modules that only re-export.
   */
  static async read(files: ReadonlyMap<string, SourceFile>): Promise<Modules> {
    const all = new Map(files)
    for (const file of all.values()) {
      for (const statement of file.program.body) {
        const source = sourceOf(statement)?.value
        const path =
          source === undefined
            ? undefined
            : locate(file, source).find((candidate) => all.has(candidate) || isModule(candidate))
        if (path !== undefined && !all.has(path)) all.set(path, await readSourceFile(path))
      }
    }
    return new Modules(files, all)
  }

  /** Resolves an imported name of the module `file` to its export; undefined if it comes from a package. */
  imported(file: SourceFile, { source, imported }: Declaration): Exported | undefined {
    const module = source === undefined ? undefined : this.#resolve(file, source)
    if (module === undefined || imported === undefined) return undefined
    return imported === '*' ? { module } : this.exported(module, imported)
  }

  /** Resolves a name that the module `file` exports or re-exports. */
  exported(file: SourceFile, name: string, depth = 0): Exported | undefined {
    if (depth > DEPTH) return undefined
    const passedOn: string[] = []
    for (const statement of file.program.body) {
      const source = sourceOf(statement)?.value
      if (statement.type === 'ExportDefaultDeclaration' && name === 'default') {
        const node = statement.declaration
        const own = nameOf(node) ?? ('id' in node ? nameOf(node.id) : undefined)
        return own === undefined ? { file, node } : this.#own(file, own, depth)
      }
      if (statement.type === 'ExportAllDeclaration' && source !== undefined) {
        const module = this.#resolve(file, source)
        if (nameOf(statement.exported) === name && module !== undefined) return { module }
        if (statement.exported === null) passedOn.push(source)
      }
      if (statement.type !== 'ExportNamedDeclaration') continue
      for (const { exported, local } of statement.specifiers) {
        const from = nameOf(local)
        if (nameOf(exported) !== name || from === undefined) continue
        const module = source === undefined ? undefined : this.#resolve(file, source)
        return source === undefined
          ? this.#own(file, from, depth)
          : module === undefined
            ? undefined
            : this.exported(module, from, depth + 1)
      }
      if (statement.declaration !== null && declares(statement.declaration, name))
        return this.#own(file, name, depth)
    }
    for (const source of passedOn) {
      const module = this.#resolve(file, source)
      const found = module === undefined ? undefined : this.exported(module, name, depth + 1)
      if (found !== undefined) return found
    }
    return undefined
  }

  #own(file: SourceFile, name: string, depth: number): Exported | undefined {
    const declaration = file.names.top.get(name)
    if (declaration?.kind !== 'import') return declaration === undefined ? undefined : { file, declaration }
    return depth > DEPTH ? undefined : this.imported(file, declaration)
  }

  #resolve(from: SourceFile, source: string): SourceFile | undefined {
    const found = locate(from, source).find((path) => this.#all.has(path))
    return found === undefined ? undefined : this.#all.get(found)
  }
}

/** Returns possible files of a relative import, likeliest first; none for a package. */
function locate(from: SourceFile, source: string): string[] {
  if (!source.startsWith('.')) return []
  const path = resolve(dirname(from.path), source)
  return [
    path,
    path.replace(/\.([cm]?)js(x?)$/, '.$1ts$2'),
    ...['.ts', '.tsx', '.js', '.jsx', '/index.ts', '/index.js'].map((end) => path + end),
  ]
}

function isModule(path: string): boolean {
  return /\.[cm]?[jt]sx?$/.test(path) && existsSync(path)
}

function declares(declaration: ESTree.Declaration, name: string): boolean {
  if (declaration.type === 'VariableDeclaration')
    return declaration.declarations.some(({ id }) => binds(id, name))
  return 'id' in declaration && nameOf(declaration.id) === name
}

function binds(pattern: Pattern, name: string): boolean {
  switch (pattern.type) {
    case 'Identifier':
      return pattern.name === name
    case 'AssignmentPattern':
      return binds(pattern.left, name)
    case 'RestElement':
      return binds(pattern.argument, name)
    case 'ArrayPattern':
      return pattern.elements.some((item) => item !== null && binds(item, name))
    case 'ObjectPattern':
      return pattern.properties.some((item) => binds(item.type === 'Property' ? item.value : item, name))
  }
}
