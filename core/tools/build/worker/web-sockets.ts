/** The module of a Worker's WebSockets, which only a Worker that names them carries. */
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'rolldown'

/** Where this package's own modules are. */
const OWN = fileURLToPath(new URL('../../../../', import.meta.url))

/** The import to add where a Worker names `WebSocket`, in place of the target's own class. */
export function webSocketImports(module: string): Record<string, [string, string]> {
  return Object.fromEntries(
    ['', 'globalThis.', 'self.'].map((holder) => [`${holder}WebSocket`, [module, 'WebSocket']]),
  )
}

/**
 * Adds the module where a response's `webSocket` is named: `fetch` with `Upgrade: websocket` needs none of
 * the globals.
 */
export function webSocketsPlugin(module: string): Plugin {
  return {
    name: 'unmoor:web-sockets',
    transform: {
      filter: { code: /\bwebSocket\b/ },
      handler(code, id) {
        const isModule = /^\s*(?:import|export)\b/m.test(code)
        if (!isModule || id.startsWith(OWN) || id.startsWith('\0')) return null
        // On a line of its own at the end, so that the lines stay where they are.
        return { code: `${code}\nimport ${JSON.stringify(module)}\n`, map: null }
      },
    },
  }
}
