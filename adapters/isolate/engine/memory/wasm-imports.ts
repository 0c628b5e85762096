import type { Held } from './budget.ts'
import type { Primordials } from './primordials.ts'
import type { Objects } from './wasm-modules.ts'

/**
 * Creates the function that reads the imports of a WebAssembly instance, each once: a getter may return
 * something else the next time. The function reserves all that the instance may grow, and returns undefined
 * if too little is left.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestImports(
  { create, free, get }: Primordials,
  held: WeakMap<object, Held>,
  objects: Objects,
) {
  type Names = Record<string, unknown>
  const imported = free<WebAssembly.ModuleImportDescriptor[]>(WebAssembly.Module, 'imports')
  const isObject = (value: unknown): boolean =>
    (typeof value === 'object' && value !== null) || typeof value === 'function'
  return (module: WebAssembly.Module, given: unknown): unknown => {
    const all = imported(undefined, module)
    if (all.length === 0 || !isObject(given)) return given
    const resolved = create(null) as Record<string, Names>
    for (let index = 0; index < all.length; index++) {
      const { module: from, name, kind } = all[index] as WebAssembly.ModuleImportDescriptor
      const holder = (given as Record<string, Names>)[from] as Names
      if (!isObject(holder)) {
        resolved[from] = holder
        continue
      }
      if (!isObject(resolved[from])) resolved[from] = create(null) as Names
      const value = holder[name]
      ;(resolved[from] as Names)[name] = value
      const own = kind === 'memory' || kind === 'table' ? (get(held, value) as Held | undefined) : undefined
      if (own !== undefined && !own.isOpen && !objects.open(own)) return undefined
    }
    return resolved
  }
}
