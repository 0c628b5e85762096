/**
 * The compatibility date that artifacts get: the newest that workerd 1.20260730 knows. Later ones (tested:
 * 1.20261117) keep what a date means.
 */
export const COMPATIBILITY_DATE = '2026-07-30'

/**
 * Node built-ins that `nodejs_compat` implements at {@link COMPATIBILITY_DATE}. Source:
 * developers.cloudflare.com/workers/runtime-apis/nodejs, checked by importing each in workerd 1.20260730.
 * Left out, as they can be imported there but only throw: child_process, cluster, dgram, domain, http2,
 * inspector, readline, repl, trace_events, tty, v8, vm, wasi, worker_threads; and, not there at all: ffi,
 * sea, sqlite, test.
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

/** Uses of Node's globals in a bundle; one that only asks whether they are there (`typeof process`) is none. */
const NODE_GLOBAL =
  /(?<![\w$.])(?:(?:globalThis\.)?(?:process\.[a-z]|Buffer\.[a-z])|(?:new|instanceof|of) Buffer\b|(?:set|clear)Immediate\()/

/**
 * The compatibility flags for the built-ins that a bundle imports and the globals of Node that it uses: none,
 * `nodejs_als` where AsyncLocalStorage's module is all, else `nodejs_compat`, with which `process.env` has the
 * Worker's variables and secrets.
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
