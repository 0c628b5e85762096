/**
 * A use of something that the target lacks: a Node built-in, a package with machine code, a module that does
 * not resolve, or an import or global of a Worker that only Cloudflare has.
 */
export interface Offence {
  kind: 'builtin' | 'missing' | 'native' | 'unsupported'
  /** Import specifier as written in the source, or name of the global, that the target lacks. */
  specifier: string
  importer: string
  /** True if the import that the target lacks is a `require`. */
  required: boolean
  /**
   * Id of the stand-in module, which stays in the bundle exactly if the offending import does. Default: none.
   */
  standIn?: string
}

/** True if a module belongs to an installed package rather than to the app. */
export function isInstalled(path: string): boolean {
  return /[\\/]node_modules[\\/]/.test(path)
}
