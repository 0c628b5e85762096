/**
 * An import that the target lacks (a Node built-in, a package with machine code), that nothing answers, or
 * what a Worker can use on Cloudflare alone (a global too).
 */
export interface Offence {
  kind: 'builtin' | 'missing' | 'native' | 'unsupported'
  /** As written in the source. */
  specifier: string
  importer: string
  /** True if it is a `require`. */
  required: boolean
  /** Id of the module that stands in for it: it stays in the bundle where the import does. Default: none. */
  standIn?: string
}

/** True if a module belongs to an installed package, and not to the app. */
export function isInstalled(path: string): boolean {
  return /[\\/]node_modules[\\/]/.test(path)
}
