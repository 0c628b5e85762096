/** What a Worker can use on Cloudflare alone, found where it stays in a bundle. */
import type { Plugin } from 'rolldown'
import type { Offence } from '../offence.ts'

const NO_WEB_SOCKETS =
  'this target takes no WebSockets of a Worker; node does. Write that part as an app with the binding ' +
  '"sockets", or use server-sent events'

/** Modules and globals: the reason, and the nearest alternative. */
export const UNSUPPORTED: Readonly<Record<string, string>> = {
  'cloudflare:sockets':
    'this target gives a Worker no TCP sockets; node and lambda do. Reach the server over HTTP',
  WebSocketPair: NO_WEB_SOCKETS,
  WebSocketRequestResponsePair: NO_WEB_SOCKETS,
}

/** Stands for what of the `ai` binding only Cloudflare has. */
export const AI = 'ai'

/** What may be let stay by name: `--allow NAME`. */
export const ALLOWABLE: readonly string[] = [...Object.keys(UNSUPPORTED), AI]

/** Module that stands for the global, in the import that the bundler adds where it is named. */
const GLOBAL = 'unmoor:global/'
/**
 * Begins the id of a module that stands for one of these in one module of the Worker: it stays in the bundle
 * where that module's use does.
 */
const ID = '\0unmoor:only-cloudflare:'

/** Imports to add where a global is named. */
export const globalImports: Record<string, [string, string]> = Object.fromEntries(
  Object.keys(UNSUPPORTED)
    .filter((name) => !name.includes(':'))
    .flatMap((name) => ['', 'globalThis.', 'self.'].map((holder) => [holder + name, [GLOBAL + name, name]])),
)

/**
 * Gives each module that uses one of these a module of its own, which refuses at run time. `sockets`
 * names the module that a target has for `cloudflare:sockets`, `webSockets` the one for WebSockets.
 */
export function unsupportedPlugin(sockets: string | undefined, webSockets: string | undefined): Plugin {
  return {
    name: 'unmoor:only-cloudflare',
    resolveId: {
      filter: { id: /^(?:cloudflare:sockets$|unmoor:global\/)/ },
      handler(source, importer) {
        if (sockets !== undefined && source === 'cloudflare:sockets') return this.resolve(sockets, importer)
        if (webSockets !== undefined && source.startsWith(GLOBAL)) return this.resolve(webSockets, importer)
        // The ending is an ES module's, whatever the importer is.
        return { id: `${ID}${source.replace(GLOBAL, '')}|${importer ?? ''}|.mjs`, moduleSideEffects: false }
      },
    },
    load: {
      filter: { id: new RegExp(`^${ID}`) },
      handler(id) {
        const { name } = parseId(id)
        const code =
          name === 'cloudflare:sockets'
            ? `import { connect as refuse } from 'unmoor/internal/workers/sockets'\nexport const ` +
              'connect = (address) => refuse(address)'
            : // What core/compat/workers/globals.ts has put in place.
              `export function ${name}() { return new globalThis['${name}']() }`
        return { code, moduleType: 'js', moduleSideEffects: false }
      },
    },
  }
}

/** The uses that stayed. */
export function unsupportedUses(modules: Iterable<string>): Offence[] {
  return [...modules]
    .filter((id) => id.startsWith(ID))
    .map((id) => {
      const { name, importer } = parseId(id)
      return { kind: 'unsupported', specifier: name, importer, required: false }
    })
}

function parseId(id: string): { name: string; importer: string } {
  const bar = id.indexOf('|')
  return { name: id.slice(ID.length, bar), importer: id.slice(bar + 1, id.lastIndexOf('|')) }
}
