/** Finds uses of modules and globals that only Cloudflare has, as far as they stay in a Worker's bundle. */
import type { Plugin } from 'rolldown'
import type { Offence } from '../offence.ts'

const NO_WEB_SOCKETS =
  'this target takes no WebSockets of a Worker; node and isolate do. Write that part as an app with the ' +
  'binding "sockets", or use server-sent events'

/** Modules and globals of Workers that some targets lack, with the reason and the nearest alternative. */
export const UNSUPPORTED: Readonly<Record<string, string>> = {
  'cloudflare:sockets':
    'this target gives a Worker no TCP sockets; node and lambda do. Reach the server over HTTP',
  WebSocketPair: NO_WEB_SOCKETS,
  WebSocketRequestResponsePair: NO_WEB_SOCKETS,
}

/** Name, for the option `--allow`, of everything in the `ai` binding that only Cloudflare has. */
export const AI = 'ai'

/** Names of Cloudflare-only features that `--allow NAME` accepts. */
export const ALLOWABLE: readonly string[] = [...Object.keys(UNSUPPORTED), AI]

/** Prefix of the specifier that the bundler imports wherever a Worker uses an unsupported global. */
const GLOBAL = 'unmoor:global/'
/**
 * Prefix of the id of a stand-in for an unsupported module or global. Each importer has its own stand-in,
 * which stays in the bundle exactly if the importer's use does.
 */
const ID = '\0unmoor:only-cloudflare:'

/** Imports that the bundler adds wherever a Worker uses an unsupported global. */
export const globalImports: Record<string, [string, string]> = Object.fromEntries(
  Object.keys(UNSUPPORTED)
    .filter((name) => !name.includes(':'))
    .flatMap((name) => ['', 'globalThis.', 'self.'].map((holder) => [holder + name, [GLOBAL + name, name]])),
)

/**
 * Bundler plugin that adds a stand-in, which throws at run time, for each module that uses an unsupported
 * module or global. `sockets` is the target's module for `cloudflare:sockets`, `webSockets` its module for
 * WebSockets.
 */
export function unsupportedPlugin(sockets: string | undefined, webSockets: string | undefined): Plugin {
  return {
    name: 'unmoor:only-cloudflare',
    resolveId: {
      filter: { id: /^(?:cloudflare:sockets$|unmoor:global\/)/ },
      handler(source, importer) {
        if (sockets !== undefined && source === 'cloudflare:sockets') return this.resolve(sockets, importer)
        if (webSockets !== undefined && source.startsWith(GLOBAL)) return this.resolve(webSockets, importer)
        // The suffix .mjs makes a stand-in for a Cloudflare module an ES module, even if its importer is a
        // .cjs file.
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
            : // The global class that core/compat/workers/globals.ts defines throws the error.
              `export function ${name}() { return new globalThis['${name}']() }`
        return { code, moduleType: 'js', moduleSideEffects: false }
      },
    },
  }
}

/** The uses of Cloudflare-only modules and globals that stayed in a Worker's bundle, as offences. */
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
