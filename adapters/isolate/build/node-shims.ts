/**
 * Node built-ins that app code may import on the isolate target, and the modules (below `adapters/isolate`)
 * that serve them. The build refuses every other built-in by name.
 */
export const NODE_SHIMS: Readonly<Record<string, string>> = {
  assert: 'guest/node/assert',
  'assert/strict': 'guest/node/assert-strict',
  async_hooks: 'guest/node/async-hooks',
  buffer: 'guest/node/buffer',
  console: 'guest/node/console',
  constants: 'guest/node/constants',
  crypto: 'guest/node/crypto/index',
  diagnostics_channel: 'guest/node/diagnostics-channel',
  events: 'guest/node/events',
  module: 'guest/node/module',
  os: 'guest/node/os',
  path: 'guest/node/path',
  'path/posix': 'guest/node/path',
  perf_hooks: 'guest/node/perf-hooks',
  process: 'guest/node/process',
  punycode: 'guest/node/punycode',
  querystring: 'guest/node/querystring',
  stream: 'guest/node/stream',
  'stream/consumers': 'guest/node/stream-consumers',
  'stream/promises': 'guest/node/stream-promises',
  'stream/web': 'guest/node/web-streams',
  string_decoder: 'guest/node/string-decoder',
  sys: 'guest/node/util',
  timers: 'guest/node/timers',
  'timers/promises': 'guest/node/timers-promises',
  tty: 'guest/node/tty',
  url: 'guest/node/url',
  util: 'guest/node/util',
  'util/types': 'guest/node/util-types',
  zlib: 'guest/node/zlib/index',
}

/**
 * Packages of npm that stand for built-ins, and the modules that serve them without a copy of the package. A
 * trailing slash is how libraries ask for such a package.
 */
export const PACKAGE_SHIMS: Readonly<Record<string, string>> = {
  'process/': 'guest/node/process',
  'string_decoder/': 'guest/node/string-decoder',
}

/**
 * Names of Node's global object that libraries use without an import, and the module that defines each name.
 */
export const NODE_GLOBAL_SHIMS: Readonly<Record<string, string>> = {
  Buffer: 'unmoor:shim/buffer',
  clearImmediate: 'unmoor:shim/timers',
  process: 'unmoor:shim/process',
  setImmediate: 'unmoor:shim/timers',
}

/**
 * Returns the name under which a bundle imports the global object from one of its modules in
 * `GLOBAL_MODULES`.
 */
const holderOf = (module: string): string => `__unmoor_${module.replace(/^.*\//, '')}`

/**
 * Bundler defines that turn a bare name of Node, such as `Buffer`, into a property of the global object. An
 * app that changes the global, in whatever way, then changes it for all its code. The import of {@link
 * NODE_GLOBAL_INJECT} has defined the original.
 */
export const NODE_GLOBAL_DEFINE: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(NODE_GLOBAL_SHIMS).flatMap(([name, module]) =>
    ['', 'globalThis.', 'global.'].map((place) => [place + name, `${holderOf(module)}.${name}`]),
  ),
)

/**
 * Imports that the bundler adds for the names of {@link NODE_GLOBAL_DEFINE}: a name in the bundle, and the
 * module and export that it stands for.
 */
export const NODE_GLOBAL_INJECT: Readonly<Record<string, readonly [module: string, name: string]>> =
  Object.fromEntries(
    Object.values(NODE_GLOBAL_SHIMS).map((module) => [holderOf(module), [module, 'holder'] as const]),
  )

/** Files, below `adapters/isolate`, of the modules whose names begin with `unmoor:shim/`. */
export const GLOBAL_MODULES: Readonly<Record<string, string>> = {
  'unmoor:shim/buffer': 'guest/node/global-buffer',
  'unmoor:shim/process': 'guest/node/global-process',
  'unmoor:shim/timers': 'guest/node/global-timers',
}
