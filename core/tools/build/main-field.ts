import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { PluginContext, ResolvedId } from 'rolldown'

interface Mains {
  name?: unknown
  main?: unknown
  module?: unknown
  browser?: unknown
  exports?: unknown
}

/**
 * Decides which half of a package without `exports` is taken, where it has both `main` and `module`: an
 * import gets `module`, a `require` gets `main`, as it would of Node. A package that is asked for in both
 * ways gets `main` for both, since two copies of it would not know each other's classes; that shows only at
 * the end of a build, which is then made again with the package among `common`.
 */
export class MainFields {
  #common: ReadonlySet<string>
  #packages = new Map<string, Mains>()
  #imported = new Set<string>()
  #required = new Set<string>()

  constructor(common: ReadonlySet<string>) {
    this.#common = common
  }

  /** Packages that are asked for in both ways, and got two halves. */
  get torn(): string[] {
    return [...this.#required].filter((dir) => this.#imported.has(dir) && !this.#common.has(dir))
  }

  /** The module of a bare specifier, by the half that the kind of import asks for. */
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
    // From within the package, so that its `browser` field counts.
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
