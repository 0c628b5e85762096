/**
 * Node built-ins that app code may import on this target, and the modules (below this folder) that serve them.
 * What is not here is refused at build, by name.
 */
export const NODE_SHIMS: Readonly<Record<string, string>> = {
  assert: 'guest/node/assert',
  'assert/strict': 'guest/node/assert',
  async_hooks: 'guest/node/async-hooks',
  buffer: 'guest/node/buffer',
  events: 'guest/node/events',
  util: 'guest/node/util',
  'util/types': 'guest/node/util-types',
}
