/**
 * Node built-ins that app code may import on this target, and the modules (below this folder) that serve
 * them. What is not here is refused at build, by name.
 */
export const NODE_SHIMS: Readonly<Record<string, string>> = {
  assert: 'guest/node/assert',
  'assert/strict': 'guest/node/assert',
  async_hooks: 'guest/node/async-hooks',
  buffer: 'guest/node/buffer',
  console: 'guest/node/console',
  crypto: 'guest/node/crypto/index',
  diagnostics_channel: 'guest/node/diagnostics-channel',
  events: 'guest/node/events',
  path: 'guest/node/path',
  'path/posix': 'guest/node/path',
  perf_hooks: 'guest/node/perf-hooks',
  process: 'guest/node/process',
  punycode: 'guest/node/punycode',
  querystring: 'guest/node/querystring',
  stream: 'guest/node/stream',
  'stream/promises': 'guest/node/stream-promises',
  string_decoder: 'guest/node/string-decoder',
  timers: 'guest/node/timers',
  'timers/promises': 'guest/node/timers-promises',
  url: 'guest/node/url',
  util: 'guest/node/util',
  'util/types': 'guest/node/util-types',
}

/**
 * Packages that stand for built-ins and need no copy of their own: a trailing slash is how libraries ask for
 * one.
 */
export const PACKAGE_SHIMS: Readonly<Record<string, string>> = {
  'process/': 'guest/node/process',
  'string_decoder/': 'guest/node/string-decoder',
}

/**
 * Names of Node's global object that libraries use without an import, and the module that puts each there.
 */
export const NODE_GLOBAL_SHIMS: Readonly<Record<string, string>> = {
  Buffer: 'unmoor:shim/buffer',
  clearImmediate: 'unmoor:shim/timers',
  process: 'unmoor:shim/process',
  setImmediate: 'unmoor:shim/timers',
}

/** The bundle's name for the global object, where a module puts names into it. */
const holderOf = (module: string): string => `__unmoor_${module.replace(/^.*\//, '')}`

/**
 * A bare name becomes a property of the global object, so that whatever the app puts in its place counts, by
 * whatever way. What is imported for that (`NODE_GLOBAL_INJECT`) has put the original there.
 */
export const NODE_GLOBAL_DEFINE: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(NODE_GLOBAL_SHIMS).flatMap(([name, module]) =>
    ['', 'globalThis.', 'global.'].map((place) => [place + name, `${holderOf(module)}.${name}`]),
  ),
)

/** See {@link NODE_GLOBAL_DEFINE}. */
export const NODE_GLOBAL_INJECT: Readonly<Record<string, readonly [module: string, name: string]>> =
  Object.fromEntries(
    Object.values(NODE_GLOBAL_SHIMS).map((module) => [holderOf(module), [module, 'holder'] as const]),
  )

/** The modules of these names. */
export const GLOBAL_MODULES: Readonly<Record<string, string>> = {
  'unmoor:shim/buffer': 'guest/node/global-buffer',
  'unmoor:shim/process': 'guest/node/global-process',
  'unmoor:shim/timers': 'guest/node/global-timers',
}
