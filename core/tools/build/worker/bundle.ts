import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Plugin } from 'rolldown'
import { UnmoorError } from '../../../errors.ts'
import { rulesPlugin } from './rules.ts'
import { globalImports, unsupportedPlugin } from './unsupported.ts'
import { webSocketImports, webSocketsPlugin } from './web-sockets.ts'
import type { WorkerProject } from './worker.ts'

export type { WorkerProject }

/** What a Worker's own modules need of a bundler. */
export interface WorkerBundle {
  plugins: Plugin[]
  alias: Readonly<Record<string, string>>
  define: Readonly<Record<string, string>>
  /** Globals that a module is imported for where they are named. */
  inject: Record<string, [string, string]>
}

/** The modules that Cloudflare's own names stand for. */
const MODULES: Readonly<Record<string, string>> = {
  'cloudflare:workers': 'unmoor/internal/workers/module',
  'cloudflare:email': 'unmoor/internal/workers/email',
}

/** What wrangler's template of functions falls back to. */
const FUNCTIONS_DEFINE = { __FALLBACK_SERVICE__: '"ASSETS"' }

/** The module that stands for `cloudflare:sockets`, by target. */
const SOCKETS: Readonly<Record<string, string>> = {
  node: 'unmoor/internal/workers/node-sockets',
  lambda: 'unmoor/internal/workers/node-sockets',
  isolate: 'unmoor/internal/workers/fetch-sockets',
}

/** The module of WebSockets, by target; others refuse them. */
const WEB_SOCKETS: Readonly<Record<string, string>> = { node: 'unmoor/internal/workers/node-web-sockets' }

/** For a bundle of a Worker; nothing for any other. */
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
 * html-rewriter-wasm reads its file with Node's fs, and takes three names of Node's: in a bundle the bytes
 * are inline and the names are the web's.
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

/** Refuses what only plugins of Pages import: a folder whose files are served. */
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

/** A module that names its JSX factory in a comment is compiled with that factory, as wrangler has it. */
function jsxPlugin(): Plugin {
  return {
    name: 'unmoor:jsx',
    transform: {
      filter: { code: /@jsx\s/ },
      handler(code, _id, { moduleType }) {
        const isSet = /@jsx(?:Runtime|ImportSource)\s/.test(code)
        // On the first line, so that the lines stay where they are.
        return isSet || !/^[jt]sx$/.test(moduleType) ? null : { code: `/** @jsxRuntime classic */ ${code}` }
      },
    },
  }
}

const ASSERT =
  '(() => { const assert = (holds) => { if (!holds) throw new Error("HTMLRewriter: assertion failed") ' +
  '}; assert.strictEqual = (a, b) => assert(a === b); return assert })()'
