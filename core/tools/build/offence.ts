/**
 * An import that the target lacks (a Node built-in), that nothing answers, or what a Worker can use on
 * Cloudflare alone (a global too).
 */
export interface Offence {
  kind: 'builtin' | 'missing' | 'unsupported'
  /** As written in the source. */
  specifier: string
  importer: string
  /** Whether it is a `require`. */
  required: boolean
}
