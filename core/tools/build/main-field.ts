import { readFileSync } from 'node:fs'
import { dirname, sep } from 'node:path'
import type { PluginContext, ResolvedId } from 'rolldown'

interface Mains {
  name?: unknown
  main?: unknown
  module?: unknown
  browser?: unknown
  exports?: unknown
}

/**
 * Chooses the module of a package that has `main` and `module` but no `exports`: an import gets `module`, a
 * `require` gets `main`, as in Node. A package that is both imported and required gets `main` for both, since
 * its two copies would not recognise each other's classes, and so does one whose `module` lacks the default
 * export that is imported. Both show only when bundling ends. The bundle is then repeated with the package in
 * `common`.
 */
export class MainFields {
  #common: ReadonlySet<string>
  #packages = new Map<string, Mains>()
  #imported = new Set<string>()
  #required = new Set<string>()

  constructor(common: ReadonlySet<string>) {
    this.#common = common
  }

  /** Folders of packages that were both imported and required, and so were bundled twice. */
  get torn(): string[] {
    return [...this.#required].filter((dir) => this.#imported.has(dir) && !this.#common.has(dir))
  }

  /**
   * Folders of packages whose `module`, among `files`, has no default export although a module imports one:
   * for Node, which reads `main` only, a default import is all that `main` exports.
   */
  withoutDefault(files: readonly string[]): string[] {
    return [...this.#imported].filter(
      (dir) => !this.#common.has(dir) && files.some((file) => file.startsWith(dir + sep)),
    )
  }

  /** Resolves a bare specifier to the package's `module` or `main` file, depending on the kind of import. */
  async choose(
    plugin: PluginContext,
    found: ResolvedId,
    { source, required }: { source: string; required: boolean },
  ): Promise<ResolvedId> {
    const json = found.packageJsonPath
    if (json === undefined || json === null) return found
    const { name, main, module, browser, exports } = this.#read(json)
    const hasBoth = typeof main === 'string' && typeof module === 'string' && exports === undefined
    if (!hasBoth || source !== name || typeof browser === 'string') return found
    const dir = dirname(json)
    ;(required ? this.#required : this.#imported).add(dir)
    if (!required && !this.#common.has(dir)) return found
    // The path in a package's `main` is resolved from within the package, so that its `browser` field
    // applies.
    const path = main.startsWith('.') ? main : `./${main}`
    return (await plugin.resolve(path, json, { skipSelf: true })) ?? found
  }

  #read(json: string): Mains {
    let known = this.#packages.get(json)
    if (known === undefined) {
      known = JSON.parse(readFileSync(json, 'utf8')) as Mains
      this.#packages.set(json, known)
    }
    return known
  }
}
