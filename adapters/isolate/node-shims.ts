/** Node built-ins that app code may import on this target, and the modules (below this folder) that serve them. */
export const NODE_SHIMS: Readonly<Record<string, string>> = {
  async_hooks: './guest/node/async-hooks',
}
