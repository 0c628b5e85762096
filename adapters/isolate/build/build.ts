import { readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { BuildContext, BundleOptions } from '../../../core/adapter.ts'
import { serverEntry } from '../../node-server/build/entry.ts'
import { writeServerFiles } from '../../node-server/build/files.ts'
import { NODE_CONDITIONS } from '../../node-server/target.ts'
import { askedBuiltins, builtinDefine } from './builtin-names.ts'
import {
  GLOBAL_MODULES,
  NODE_GLOBAL_DEFINE,
  NODE_GLOBAL_INJECT,
  NODE_SHIMS,
  PACKAGE_SHIMS,
} from './node-shims.ts'
import { checkOptions } from './check-options.ts'

/** The version of isolated-vm that a deployed artifact installs: the one that unmoor is tested with. */
const ISOLATED_VM = '7.0.1'
/** Marker text that the stand-in of node:async_hooks leaves in a bundle that contains it. */
const ASYNC_HOOKS_MARK = 'unmoor:async-context'
/** Marker text that a Worker's module for WebSockets leaves in a bundle that contains it. */
const WEB_SOCKETS_MARK = 'unmoor:web-sockets'

/**
 * Returns the path of a compiled module of `adapters/isolate`: in `dist`, even when this file runs from the
 * sources.
 */
function ownModule(path: string): string {
  const folder = import.meta.url.endsWith('.ts') ? '../../../dist/adapters/isolate/' : '../'
  return fileURLToPath(new URL(`${folder}${path}.js`, import.meta.url))
}

/**
 * Bundler aliases that load the web API's late parts (streams, URLPattern) as CommonJS. The bundler wraps a
 * CommonJS module in one function. It would leave an ECMAScript module's functions at the top level, where V8
 * makes closures of them in every isolate.
 */
function latePackages(): Record<string, string> {
  const { resolve } = createRequire(import.meta.url)
  return Object.fromEntries(
    ['web-streams-polyfill', 'urlpattern-polyfill/urlpattern'].map((name) => [name, resolve(name)]),
  )
}

/**
 * Builds the isolate target's artifact: server.mjs, the guest's two scripts (web-api.js, app.js), the app's
 * assets, package.json and a Dockerfile.
 */
export async function build(context: BuildContext): Promise<void> {
  const app = bundleApp(context)
  // Only an existing Worker may have WebSockets without declaring them: its bundle tells.
  const isWorker = context.manifest.clientHeader !== undefined
  const server = async (): Promise<unknown> =>
    bundleServer(context, isWorker && (await app.catch(() => '')).includes(WEB_SOCKETS_MARK))
  const bundles = await Promise.allSettled([
    server(),
    context.bundle({
      entry: `import ${JSON.stringify(ownModule('guest/web/index'))}\n`,
      file: 'web-api.js',
      format: 'iife',
      // `keepNames` is off for the bundle of the web API: with it, every isolate would set all functions'
      // names again. The classes that apps see set their own names.
      keepNames: false,
      sourcemap: false,
      alias: latePackages(),
    }),
    app,
  ])
  // A bundler's error is thrown only after all bundles have ended, so that none writes into the failed
  // build's folder while it is deleted.
  for (const bundle of bundles) if (bundle.status === 'rejected') throw bundle.reason
  // Installing isolated-vm compiles nothing: the package contains binaries for glibc and musl, and its
  // install script picks one.
  await writeServerFiles(context, {
    flags: ['--no-node-snapshot'],
    dependencies: { 'isolated-vm': ISOLATED_VM },
  })
}

/** Bundles the artifact's server; `hasWebSockets` if it serves a Worker's WebSockets. */
function bundleServer(context: BuildContext, hasWebSockets: boolean): Promise<unknown> {
  return context.bundle({
    entry: serverEntry(context, {
      runtime: 'unmoor/internal/isolate/runtime',
      app: [`manifest: ${JSON.stringify(context.manifest)}`],
      options: checkOptions(context.options),
      ...(hasWebSockets
        ? {
            imports: [`import { createWorkerSockets } from 'unmoor/internal/isolate/worker-sockets'`],
            more: ['workerSockets: createWorkerSockets'],
          }
        : {}),
    }),
    file: 'server.mjs',
    external: ['isolated-vm'],
    nodeBuiltins: 'all',
    conditions: NODE_CONDITIONS,
  })
}

/**
 * Bundles the app as one module, and returns its code. An app that asks for built-ins by name at run time is
 * bundled again with those built-ins. An app that uses node:async_hooks is bundled once more with async
 * functions lowered to generators, because JavaScript can observe a promise's `then` but not V8's own
 * `await`.
 */
async function bundleApp(context: BuildContext): Promise<string> {
  const hasSockets = Object.values(context.manifest.bindings).some(({ kind }) => kind === 'sockets')
  const options: BundleOptions = {
    entry: [
      `import { serveApp } from 'unmoor/internal/isolate/guest'`,
      ...(hasSockets ? [`import { guestSockets } from 'unmoor/internal/isolate/guest-sockets'`] : []),
      `import app from '#app'`,
      hasSockets ? `serveApp(app, guestSockets)` : `serveApp(app)`,
      ``,
    ].join('\n'),
    file: 'app.js',
    sourcemap: true,
    define: {
      ...NODE_GLOBAL_DEFINE,
      'process.env.NODE_ENV': '"production"',
      global: 'globalThis',
      ...builtinDefine([]),
    },
    inject: NODE_GLOBAL_INJECT,
    alias: Object.fromEntries([
      ...Object.entries(NODE_SHIMS).flatMap(([name, path]) =>
        [name, `node:${name}`].map((specifier) => [specifier, ownModule(path)]),
      ),
      ...Object.entries({ ...PACKAGE_SHIMS, ...GLOBAL_MODULES }).map(([name, path]) => [
        name,
        ownModule(path),
      ]),
    ]),
  }
  const { file } = await context.bundle(options)
  let code = await readFile(file, 'utf8')
  const asked = await askedBuiltins(code)
  if (asked !== undefined) {
    options.entry = `import ${JSON.stringify(ownModule('guest/node/builtin-modules'))}\n${options.entry}`
    options.define = { ...options.define, ...builtinDefine(asked.names) }
    await context.bundle(options)
    code = await readFile(file, 'utf8')
  }
  if (code.includes(ASYNC_HOOKS_MARK)) {
    // The app's entry imports node:async_hooks first, so that modules that store built-ins for later store
    // the versions that keep the async context.
    const entry = `import 'node:async_hooks'\n${options.entry}`
    await context.bundle({ ...options, entry, asyncToGenerators: true })
    code = await readFile(file, 'utf8')
  }
  if (asked === undefined) return code
  code = (await askedBuiltins(code))?.code ?? code
  await writeFile(file, code)
  return code
}
