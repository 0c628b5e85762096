import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plugin } from 'rolldown'
import { UnmoorError } from '../../../errors.ts'
import { rulesPlugin } from './rules.ts'
import { globalImports, unsupportedPlugin } from './unsupported.ts'
import { webSocketImports, webSocketsPlugin } from './web-sockets.ts'
import type { WorkerProject } from './worker.ts'

export type { WorkerProject }

/** Bundler settings for an existing Cloudflare Worker. */
export interface WorkerBundle {
  plugins: Plugin[]
  alias: Readonly<Record<string, string>>
  define: Readonly<Record<string, string>>
  /** Globals that a Worker uses, each with the module and export that the bundler imports in its place. */
  inject: Record<string, [string, string]>
}

/** Unmoor's modules for a Worker's `cloudflare:` imports, on every target. */
const MODULES: Readonly<Record<string, string>> = {
  'cloudflare:workers': 'unmoor/internal/workers/module',
  'cloudflare:email': 'unmoor/internal/workers/email',
}

/** Constant of wrangler's Pages Functions template: the binding that answers when no function does. */
const FUNCTIONS_DEFINE = { __FALLBACK_SERVICE__: '"ASSETS"' }

/** Module for a Worker's `cloudflare:sockets`, by target; targets not listed refuse the import. */
const SOCKETS: Readonly<Record<string, string>> = {
  node: 'unmoor/internal/workers/node-sockets',
  lambda: 'unmoor/internal/workers/node-sockets',
  isolate: 'unmoor/internal/workers/fetch-sockets',
}

/** Module behind a Worker's WebSockets, by target; targets not listed refuse WebSockets. */
const WEB_SOCKETS: Readonly<Record<string, string>> = {
  node: 'unmoor/internal/workers/node-web-sockets',
  isolate: 'unmoor/internal/workers/isolate-web-sockets',
}

/** Returns the bundler settings for a Worker; they are empty for an unmoor app. */
export function workerBundle(
  worker: WorkerProject | undefined,
  target: string,
  onError: (error: unknown) => void,
): WorkerBundle {
  if (worker === undefined) return { plugins: [], alias: {}, define: {}, inject: {} }
  const webSockets = WEB_SOCKETS[target]
  return {
    plugins: [
      unsupportedPlugin(SOCKETS[target], webSockets),
      ...(webSockets === undefined ? [] : [webSocketsPlugin(webSockets)]),
      rulesPlugin(worker.rules, onError),
      jsxPlugin(),
      pluginFilesPlugin(onError),
      htmlRewriterPlugin(),
    ],
    alias: { ...worker.alias, ...MODULES },
    define: { ...worker.define, ...(worker.functions === undefined ? {} : FUNCTIONS_DEFINE) },
    inject: {
      ...(worker.functions === undefined ? {} : { routes: [worker.functions.routesFile, 'routes'] }),
      HTMLRewriter: ['unmoor/internal/workers/html-rewriter', 'HTMLRewriter'],
      ...globalImports,
      ...(webSockets === undefined ? {} : webSocketImports(webSockets)),
    },
  }
}

/**
 * Bundler plugin that adapts html-rewriter-wasm (the parser of HTMLRewriter), which reads its .wasm file with
 * Node's fs and uses Node's util and assert: in the bundle the bytes are inline and web globals replace the
 * modules.
 */
function htmlRewriterPlugin(): Plugin {
  return {
    name: 'unmoor:html-rewriter',
    load: {
      filter: { id: /html-rewriter-wasm[\\/]dist[\\/](?:html_rewriter|asyncify)\.js$/ },
      async handler(id) {
        const code = await readFile(id, 'utf8')
        if (id.endsWith('asyncify.js')) return code.replace('require("assert")', ASSERT)
        const bytes = await readFile(join(id, '..', 'html_rewriter_bg.wasm'))
        const inline =
          'const bytes = ' +
          `Uint8Array.from(atob(${JSON.stringify(bytes.toString('base64'))}), (char) => ` +
          'char.charCodeAt(0));'
        return code
          .replace('require(String.raw`util`)', 'globalThis')
          .replace('require(String.raw`./asyncify.js`)', 'require("./asyncify.js")')
          .replace(/const path = require\('path'\)[^\n]*\n/, '')
          .replace(/const bytes = require\('fs'\)[^\n]*\n/, `${inline}\n`)
      },
    },
  }
}

/**
 * Bundler plugin that refuses imports of `assets:`, by which plugins of Pages serve the files of a folder.
 */
function pluginFilesPlugin(onError: (error: unknown) => void): Plugin {
  return {
    name: 'unmoor:plugin-files',
    resolveId: {
      filter: { id: /^assets:/ },
      async handler(source, importer = '') {
        const code = await readFile(importer, 'utf8').catch(() => '')
        const line = code.slice(0, Math.max(0, code.indexOf(source))).split('\n').length
        const error = new UnmoorError(
          'Unsupported',
          `${importer}:${line} imports "${source}": the files of a plugin are not served. Put them into the ` +
            'output folder, and answer with env.ASSETS.fetch().',
          { operation: 'build' },
        )
        onError(error)
        throw error
      },
    },
  }
}

/**
 * Bundler plugin that compiles a module of a Worker whose comment `@jsx` names a JSX factory with that
 * factory, as wrangler does.
 */
function jsxPlugin(): Plugin {
  return {
    name: 'unmoor:jsx',
    transform: {
      filter: { code: /@jsx\s/ },
      handler(code, _id, { moduleType }) {
        const isSet = /@jsx(?:Runtime|ImportSource)\s/.test(code)
        // The JSX pragma is added to the module's first line, so that line numbers do not change.
        return isSet || !/^[jt]sx$/.test(moduleType) ? null : { code: `/** @jsxRuntime classic */ ${code}` }
      },
    },
  }
}

const ASSERT =
  '(() => { const assert = (holds) => { if (!holds) throw new Error("HTMLRewriter: assertion failed") ' +
  '}; assert.strictEqual = (a, b) => assert(a === b); return assert })()'
