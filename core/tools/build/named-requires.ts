/**
 * Packages that another one requires by a name which is known only at run time, as ORMs do with the clients
 * of databases (`require(name)`). No bundler sees those. A package of that kind declares them as optional and
 * has their names somewhere in its code: the installed ones that it names are taken in, for which the bundle
 * is made again.
 */
import { readFile } from 'node:fs/promises'
import type { Plugin } from 'rolldown'
import { findPackage, packageFolder, readPackage } from './native-packages.ts'
import { children, nameOf, parse, sourceOf, walk, type Node } from './syntax.ts'

/** In place of `require`: as long, so that source maps still hold. */
const NAMED = '$named$'

export class NamedRequires {
  /** What is taken in, by the folder of the package that asks. */
  #names = new Map<string, Set<string>>()
  #asking = new Set<string>()
  #isNew = false

  /** True if the last bundle found packages that it did not take in; asked once for each bundle. */
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

  /** Finds the optional packages that modules of a package name. */
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

/** The optional packages that the one in `folder` declares, as far as they are installed. */
function optionalPackages(folder: string): string[] {
  const { optionalDependencies, peerDependenciesMeta } = readPackage(folder)
  const peers = Object.entries(peerDependenciesMeta ?? {}).filter(([, meta]) => meta.optional === true)
  return [...Object.keys(optionalDependencies ?? {}), ...peers.map(([name]) => name)].filter(
    (name) => findPackage(name, folder) !== undefined,
  )
}

/** The names that a module has as text, other than to import them. */
async function namesIn(id: string, names: readonly string[]): Promise<string[]> {
  const code = await readFile(id, 'utf8')
  if (!names.some((name) => code.includes(name))) return []
  const { program } = await parse(id, code)
  const imported = new Set<Node | null | undefined>()
  const found: string[] = []
  walk(program, (node) => {
    // Parents come first.
    imported.add(required(node) ?? (node.type === 'ImportExpression' ? node.source : sourceOf(node)))
    if (node.type === 'Literal' && typeof node.value === 'string' && !imported.has(node))
      found.push(node.value)
  })
  return names.filter((name) => found.includes(name))
}

function required(node: Node): Node | undefined {
  return node.type === 'CallExpression' && nameOf(node.callee) === 'require' ? node.arguments[0] : undefined
}

/** Where a CommonJS module calls `require` with a variable: starts of the word. */
function* namedRequires(node: Node): Generator<number> {
  if (required(node)?.type === 'Identifier') yield node.start
  // One of its own, as a module within a bundle has, is another thing.
  const own = 'params' in node && Array.isArray(node.params) && node.params.some(isRequire)
  if (!own) for (const child of children(node)) yield* namedRequires(child)
}

const isRequire = (parameter: Node): boolean => nameOf(parameter) === 'require'
