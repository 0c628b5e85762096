/** Adds unmoor's module for WebSockets to the bundles of Workers that use WebSockets. */
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'rolldown'

/** Root folder of unmoor's own modules. */
const OWN = fileURLToPath(new URL('../../../../', import.meta.url))

/** Imports that replace the global `WebSocket` of the target in a Worker's modules. */
export function webSocketImports(module: string): Record<string, [string, string]> {
  return Object.fromEntries(
    ['', 'globalThis.', 'self.'].map((holder) => [`${holder}WebSocket`, [module, 'WebSocket']]),
  )
}

/**
 * Bundler plugin that adds unmoor's module for WebSockets to a Worker's modules that mention `webSocket` of a
 * response: a `fetch` with `Upgrade: websocket` uses none of the globals.
 */
export function webSocketsPlugin(module: string): Plugin {
  return {
    name: 'unmoor:web-sockets',
    transform: {
      filter: { code: /\bwebSocket\b/ },
      handler(code, id) {
        const isModule = /^\s*(?:import|export)\b/m.test(code)
        if (!isModule || id.startsWith(OWN) || id.startsWith('\0')) return null
        // The import of the module for WebSockets is appended at the end of a Worker's module, so that line
        // numbers do not change.
        return { code: `${code}\nimport ${JSON.stringify(module)}\n`, map: null }
      },
    },
  }
}
