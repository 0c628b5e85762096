/**
 * Compatibility date of artifacts: the newest that workerd 1.20260730 knows. Later releases of workerd
 * (tested: 1.20261117) keep the meaning of a date.
 */
export const COMPATIBILITY_DATE = '2026-07-30'

/**
 * Node built-ins that `nodejs_compat` implements at {@link COMPATIBILITY_DATE}. Source:
 * developers.cloudflare.com/workers/runtime-apis/nodejs, checked by importing each in workerd 1.20260730.
 * Modules that can be imported but only throw are left out: child_process, cluster, dgram, domain, http2,
 * inspector, readline, repl, trace_events, tty, v8, vm, wasi, worker_threads. Modules that workerd lacks:
 * ffi, sea, sqlite, test.
 */
export const NODE_BUILTINS: readonly string[] = [
  'assert',
  'assert/strict',
  'async_hooks',
  'buffer',
  'console',
  'constants',
  'crypto',
  'diagnostics_channel',
  'dns',
  'dns/promises',
  'events',
  'fs',
  'fs/promises',
  'http',
  'https',
  'module',
  'net',
  'os',
  'path',
  'path/posix',
  'path/win32',
  'perf_hooks',
  'process',
  'punycode',
  'querystring',
  'stream',
  'stream/consumers',
  'stream/promises',
  'stream/web',
  'string_decoder',
  'sys',
  'timers',
  'timers/promises',
  'tls',
  'url',
  'util',
  'util/types',
  'zlib',
]

/**
 * Matches uses of Node's globals in a bundle. A check for their existence (`typeof process`) does not count
 * as a use.
 */
const NODE_GLOBAL = new RegExp(
  String.raw`(?<![\w$.])(?:(?:globalThis\.)?(?:process\.[a-z]|Buffer\.[a-z])|` +
    String.raw`(?:new|instanceof|of) Buffer\b|(?:set|clear)Immediate\()`,
)

/**
 * Returns the compatibility flags for the Node built-ins and globals that a bundle uses: none, `nodejs_als`
 * if it uses AsyncLocalStorage's module only, else `nodejs_compat`. With `nodejs_compat`, `process.env` has
 * the Worker's variables and secrets.
 */
export function nodeFlags(bundle: string): string[] {
  const used = new Set<string>()
  for (const [, name] of bundle.matchAll(
    /(?:\bfrom|\bimport|\brequire)\s*\(?\s*["'`](?:node:)([a-z0-9_/]+)["'`]/g,
  ))
    used.add(name as string)
  if (NODE_GLOBAL.test(bundle)) return ['nodejs_compat']
  if (used.size === 0) return []
  return used.size === 1 && used.has('async_hooks') ? ['nodejs_als'] : ['nodejs_compat']
}
