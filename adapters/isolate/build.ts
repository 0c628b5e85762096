import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import type { BuildContext, BundleOptions } from '../../core/adapter.ts'
import { NODE_GLOBAL_SHIMS, NODE_SHIMS, PACKAGE_SHIMS } from './node-shims.ts'
import { cronStoreImport } from '../node/cron-store-import.ts'
import { checkOptions } from './check-options.ts'
import type { IsolateOptions } from './options.ts'

/** The version of isolated-vm that a deployed artifact installs: the one that unmoor is tested with. */
const ISOLATED_VM = '7.0.1'
/** What the shim of node:async_hooks leaves in a bundle that holds it. */
const ASYNC_HOOKS_MARK = 'unmoor:async-context'

/** A module of this folder, built: the same files that unmoor's public names stand for, also where this runs from the sources. */
function ownModule(path: string): string {
  const folder = import.meta.url.endsWith('.ts') ? '../../dist/adapters/isolate/' : './'
  return fileURLToPath(new URL(`${folder}${path}.js`, import.meta.url))
}

/**
 * Packages of the web API's late parts as CommonJS: the bundler makes one function of such a module, where of an ECMAScript module it leaves every function
 * at the top, and V8 makes closures of those in every isolate.
 */
function latePackages(): Record<string, string> {
  const { resolve } = createRequire(import.meta.url)
  return Object.fromEntries(['web-streams-polyfill', 'urlpattern-polyfill/urlpattern'].map((name) => [name, resolve(name)]))
}

/** Writes the host half (server.mjs), the guest's two scripts, assets, package.json and a Dockerfile. */
export async function build(context: BuildContext): Promise<void> {
  const options = checkOptions(context.options)
  const bundles = await Promise.allSettled([
    context.bundle({
      entry: createServer(context, options),
      file: 'server.mjs',
      external: ['isolated-vm'],
      nodeBuiltins: 'all',
      conditions: ['node', 'import', 'default'],
    }),
    context.bundle({ entry: `import ${JSON.stringify(ownModule('guest/web/index'))}\n`, file: 'web-api.js', format: 'iife', alias: latePackages() }),
    bundleApp(context),
  ])
  // Only when none writes any more can a failed build's folder go.
  for (const bundle of bundles) if (bundle.status === 'rejected') throw bundle.reason
  await context.copyAssets('assets')
  await context.write('package.json', `${JSON.stringify(createPackage(context.manifest.name), null, 2)}\n`)
  await context.write('Dockerfile', DOCKERFILE)
  await context.write('.dockerignore', 'data\nnode_modules\n')
}

/**
 * The app as one module. Where it holds node:async_hooks it is bundled again with async functions lowered to generators:
 * V8's own `await` cannot be observed from JavaScript, a promise's `then` can.
 */
async function bundleApp(context: BuildContext): Promise<void> {
  const options: BundleOptions = {
    entry: [`import { serveApp } from 'unmoor/isolate/guest'`, `import app from '#app'`, `serveApp(app)`, ``].join('\n'),
    file: 'app.js',
    sourcemap: true,
    define: { 'process.env.NODE_ENV': '"production"', global: 'globalThis' },
    inject: NODE_GLOBAL_SHIMS,
    alias: Object.fromEntries([
      ...Object.entries(NODE_SHIMS).flatMap(([name, path]) => [name, `node:${name}`].map((specifier) => [specifier, ownModule(path)])),
      ...Object.entries(PACKAGE_SHIMS).map(([name, path]) => [name, ownModule(path)]),
    ]),
  }
  const { file } = await context.bundle(options)
  if ((await readFile(file, 'utf8')).includes(ASYNC_HOOKS_MARK)) await context.bundle({ ...options, target: 'es2016' })
}

function createServer(context: BuildContext, options: IsolateOptions): string {
  const drivers = context.driverImports()
  const cronStore = cronStoreImport(context, options)
  return [
    `import { serve } from 'unmoor/isolate/runtime'`,
    ...(context.testChannel ? [`import { testChannel } from 'unmoor/test-channel'`] : []),
    drivers.imports,
    cronStore.imports,
    `await serve({`,
    `  manifest: ${JSON.stringify(context.manifest)},`,
    `  drivers: ${drivers.object},`,
    `  cronStore: ${cronStore.object},`,
    `  migrations: ${JSON.stringify(context.migrations)},`,
    `  options: ${JSON.stringify(options)},`,
    `  dir: import.meta.dirname,`,
    ...(context.testChannel ? [`  testChannel,`] : []),
    `})`,
    ``,
  ].join('\n')
}

function createPackage(name: string): object {
  return {
    name,
    private: true,
    type: 'module',
    engines: { node: '>=24' },
    scripts: { start: 'node --no-node-snapshot server.mjs', migrate: 'node server.mjs migrate' },
    dependencies: { 'isolated-vm': ISOLATED_VM },
    // Its install script only picks the prebuilt binary; later versions of npm run none that is not named.
    allowScripts: { 'isolated-vm': true },
  }
}

/** isolated-vm comes with binaries for glibc and musl: nothing is compiled. The process is PID 1: it handles SIGTERM itself. */
const DOCKERFILE = `ARG NODE_IMAGE=node:26-slim
FROM \${NODE_IMAGE}
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8080 DATA_DIR=/data
WORKDIR /app
COPY package.json .
RUN npm install --omit=dev --no-audit --no-fund && mkdir /data && chown node:node /data
COPY . .
USER node
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["node", "--no-node-snapshot", "server.mjs"]
`
