/**
 * Bundles packages that another package requires by a computed name (`require(name)`), as ORMs do with
 * database clients. A bundler cannot see such a require. The requiring package declares these packages as
 * optional and has their names in its code, so the installed ones whose names appear are added, and the
 * bundle is repeated.
 */
import { readFile } from 'node:fs/promises'
import type { Plugin } from 'rolldown'
import { findPackage, packageFolder, readPackage } from './native-packages.ts'
import { children, nameOf, parse, sourceOf, walk, type Node } from './syntax.ts'

/** Name that replaces `require` in code; it has the same length, so that source maps stay valid. */
const NAMED = '$named$'

export class NamedRequires {
  /** Names of packages to bundle that are required by computed name, by folder of the requiring package. */
  #names = new Map<string, Set<string>>()
  #asking = new Set<string>()
  #isNew = false

  /**
   * True if the last bundle lacked a package that is required by computed name. Reading the property resets
   * it.
   */
  get found(): boolean {
    const found = this.#isNew
    this.#isNew = false
    return found
  }

  plugin(): Plugin {
    return {
      name: 'unmoor:named-requires',
      transform: {
        filter: { code: /\brequire\(\s*[A-Za-z_$]/, id: /[\\/]node_modules[\\/].*\.c?js$/ },
        handler: (code, id) => this.#transform(code, id),
      },
      generateBundle: async (_output, bundled) => {
        const kept = Object.values(bundled).flatMap((output) =>
          output.type === 'chunk' ? output.moduleIds : [],
        )
        const folders = new Set(kept.filter((id) => this.#asking.has(id)).map(packageFolder))
        for (const folder of folders)
          if (folder !== undefined)
            await this.#look(
              folder,
              kept.filter((id) => packageFolder(id) === folder),
            )
      },
    }
  }

  async #transform(code: string, id: string): Promise<{ code: string; map: null } | null> {
    const folder = packageFolder(id) ?? ''
    if (optionalPackages(folder).length === 0) return null
    const { program } = await parse(id, code)
    const places = [...namedRequires(program)]
    if (places.length === 0) return null
    this.#asking.add(id)
    const cases = [...(this.#names.get(folder) ?? [])].map((name) => {
      const text = JSON.stringify(name)
      return `case ${text}: return require(${text})\n`
    })
    let text = code
    for (const at of places) text = text.slice(0, at) + NAMED + text.slice(at + NAMED.length)
    const named = `function ${NAMED}(name) {\nswitch (name) {\n${cases.join('')}}\nreturn require(name)\n}`
    return { code: `${text}\n${named}\n`, map: null }
  }

  /** Records the optional packages whose names appear in the modules of the package at `folder`. */
  async #look(folder: string, modules: readonly string[]): Promise<void> {
    const known = this.#names.get(folder) ?? new Set()
    this.#names.set(folder, known)
    for (const id of modules) {
      const others = optionalPackages(folder).filter((name) => !known.has(name))
      for (const name of await namesIn(id, others)) {
        known.add(name)
        this.#isNew = true
      }
    }
  }
}

/** The installed packages among the optional dependencies of the package in `folder`. */
function optionalPackages(folder: string): string[] {
  const { optionalDependencies, peerDependenciesMeta } = readPackage(folder)
  const peers = Object.entries(peerDependenciesMeta ?? {}).filter(([, meta]) => meta.optional === true)
  return [...Object.keys(optionalDependencies ?? {}), ...peers.map(([name]) => name)].filter(
    (name) => findPackage(name, folder) !== undefined,
  )
}

/** The package names that appear as string literals in a module, other than as import specifiers. */
async function namesIn(id: string, names: readonly string[]): Promise<string[]> {
  const code = await readFile(id, 'utf8')
  if (!names.some((name) => code.includes(name))) return []
  const { program } = await parse(id, code)
  const imported = new Set<Node | null | undefined>()
  const found: string[] = []
  walk(program, (node) => {
    // `walk` visits parent nodes first, so an import is recorded before its specifier literal is seen.
    imported.add(required(node) ?? (node.type === 'ImportExpression' ? node.source : sourceOf(node)))
    if (node.type === 'Literal' && typeof node.value === 'string' && !imported.has(node))
      found.push(node.value)
  })
  return names.filter((name) => found.includes(name))
}

function required(node: Node): Node | undefined {
  return node.type === 'CallExpression' && nameOf(node.callee) === 'require' ? node.arguments[0] : undefined
}

/** Start offsets of `require` calls with a variable in a CommonJS module. */
function* namedRequires(node: Node): Generator<number> {
  if (required(node)?.type === 'Identifier') yield node.start
  // A function with a parameter `require`, as prebuilt bundles have, does not call Node's `require`.
  const own = 'params' in node && Array.isArray(node.params) && node.params.some(isRequire)
  if (!own) for (const child of children(node)) yield* namedRequires(child)
}

const isRequire = (parameter: Node): boolean => nameOf(parameter) === 'require'
