/** `unmoor/vite`: the plugin by which Vite serves and builds an app with its pages. */
import { relative, resolve } from 'node:path'
import type { Plugin, ResolvedConfig, UserConfig } from 'vite'
import { buildArtifacts, targetsOf } from './build-apps.ts'
import { AppServer } from './dev-server.ts'
import type { UnmoorViteOptions } from './options.ts'
import { previewArtifact } from './preview.ts'
import {
  type BuiltProject,
  checkBase,
  checkFolders,
  checkVite,
  findProject,
  readDeclarations,
  viteError,
} from './project.ts'

export type { UnmoorViteOptions } from './options.ts'

const NAME = 'unmoor'
/** Artifacts and local data. */
const OWN_FOLDER = '**/.unmoor/**'
/** Origins that Vite allows by default. */
const LOCAL_ORIGINS = /^https?:\/\/(?:(?:[^:]+\.)?localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/

/**
 * Vite plugin of an unmoor app. `vite dev` serves pages and app together: a request that names no file goes
 * to the app, on Node's drivers. `vite build` writes the pages into the folder of the app's assets, then the
 * artifacts of its targets. `vite preview` runs the artifact of the target `node`.
 *
 * @throws `InvalidArgument`, from Vite's hooks, if there is no app, or its config and Vite's do not fit.
 * @example
 * ```ts
 * // vite.config.ts
 * import { defineConfig } from 'vite'
 * import { unmoor } from 'unmoor/vite'
 *
 * export default defineConfig({ plugins: [unmoor({ targets: ['node', 'cloudflare'] })] })
 * ```
 */
export function unmoor(options: UnmoorViteOptions = {}): Plugin {
  let config: ResolvedConfig
  let base: string | undefined
  let built: BuiltProject | undefined
  let hasWritten = false
  // Keyed by the client environment: a restart makes a new server before it closes the old one.
  const apps = new WeakMap<object, AppServer>()
  return {
    name: NAME,
    enforce: 'post',
    // Vite before 7 calls this without a context.
    async config(given, { command, isPreview }) {
      checkVite((this as { meta?: { viteVersion?: string } } | undefined)?.meta?.viteVersion)
      base = given.base
      if (command !== 'build' || isPreview === true) return serveConfig(given)
      const root = rootOf(given)
      built = await readDeclarations(findProject(root, options), options)
      const { assetsDir } = built
      return {
        build: {
          ...(given.build?.outDir === undefined ? { outDir: relative(root, assetsDir) } : {}),
          ...(given.build?.emptyOutDir === undefined ? { emptyOutDir: true } : {}),
        },
      }
    },
    configResolved(resolved) {
      config = resolved
      if (isVitest(config)) return
      if (config.plugins.filter(({ name }) => name === NAME).length > 1)
        throw viteError('unmoor() is in plugins more than once. Leave one: its targets are built together.')
      checkBase(base ?? '/')
    },
    async configureServer(server) {
      if (isVitest(server.config)) return undefined
      const projectDir = findProject(server.config.root, options)
      const app = await AppServer.start({ server, projectDir, options })
      apps.set(server.environments.client, app)
      server.middlewares.use(app.before)
      return () => void server.middlewares.use(app.after)
    },
    async configurePreviewServer(server) {
      await previewArtifact(server, findProject(server.config.root, options), options)
    },
    async buildEnd() {
      // Vite calls this at the end of a dev server too.
      await apps.get(this.environment)?.close()
    },
    buildStart() {
      if (config.command !== 'build' || built === undefined || this.environment?.name !== 'client') return
      const { root, publicDir } = config
      const { projectDir, entry } = built.project
      const outDir = resolve(root, this.environment.config.build.outDir)
      checkFolders({ projectDir, entry, assetsDir: built.assetsDir, root, publicDir, outDir })
      targetsOf(built.project, options)
    },
    writeBundle() {
      if (this.environment?.name === 'client') hasWritten = true
    },
    closeBundle: {
      order: 'post',
      sequential: true,
      async handler() {
        // A bundle that failed is closed as well.
        if (built === undefined || !hasWritten || this.environment?.name !== 'client') return
        hasWritten = false
        const targets = targetsOf(built.project, options)
        await buildArtifacts(built.project, targets, { ...options, logger: config.logger })
      },
    },
  }
}

/** Config of a dev server. */
function serveConfig({ server }: UserConfig): Omit<UserConfig, 'plugins'> {
  return {
    server: {
      // The app answers the preflights of its routes itself, as it does when it is built.
      ...(server?.cors === undefined ? { cors: { origin: LOCAL_ORIGINS, preflightContinue: true } } : {}),
      ...(server?.watch === null ? {} : { watch: { ignored: [OWN_FOLDER] } }),
    },
  }
}

/** True in the server that Vitest makes of the same config, which serves nobody. */
function isVitest({ plugins }: ResolvedConfig): boolean {
  return plugins.some(({ name }) => name === 'vitest' || name.startsWith('vitest:'))
}

function rootOf({ root = '.' }: UserConfig): string {
  return resolve(root)
}
