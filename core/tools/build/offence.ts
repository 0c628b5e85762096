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

/**
 * Node built-ins that a Worker can import on Cloudflare, though their functions throw there
 * (`adapters/cloudflare/build/node-builtins.ts` names the source).
 */
const THROWS_ON_WORKERS: ReadonlySet<string> = new Set([
  'child_process',
  'cluster',
  'dgram',
  'domain',
  'http2',
  'inspector',
  'inspector/promises',
  'readline',
  'readline/promises',
  'repl',
  'trace_events',
  'v8',
  'vm',
  'wasi',
  'worker_threads',
])

/** True if Cloudflare has the Node built-in, and its functions throw when a Worker calls them. */
export function throwsOnWorkers(specifier: string): boolean {
  return THROWS_ON_WORKERS.has(specifier.replace(/^node:/, ''))
}
