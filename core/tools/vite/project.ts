/** Finds the app that a Vite config belongs to, and checks that the two fit. */
import { existsSync } from 'node:fs'
import { dirname, isAbsolute, join, relative, resolve } from 'node:path'
import { UnmoorError } from '../../errors.ts'
import { CONFIG_FILES, loadProject, type Project } from '../build/project.ts'
import type { UnmoorViteOptions } from './options.ts'

/** Oldest major version of Vite that the plugin works with. */
const OLDEST_VITE = 7

/** Error of a Vite config, or of one that does not fit the app's. */
export function viteError(message: string): UnmoorError {
  const error = new UnmoorError('InvalidArgument', message, { operation: 'config' })
  // Vite prints the stack, whose places are all in the plugin and in Vite.
  error.stack = `${error.name}: ${message}`
  return error
}

/** @throws if this Vite is too old; undefined stands for a version that does not say which it is. */
export function checkVite(version: string | undefined): void {
  const major = Number(/^\d+/.exec(version ?? '')?.[0] ?? 0)
  if (major < OLDEST_VITE)
    throw viteError(
      `unmoor/vite needs Vite ${OLDEST_VITE} or later, and this is ${version ?? 'an older one'}. Run: npm ` +
        'install --save-dev vite@latest',
    )
}

/**
 * Returns the absolute path of the app's folder.
 *
 * @throws `InvalidArgument` if there is none.
 */
export function findProject(root: string, { project }: UnmoorViteOptions): string {
  if (project !== undefined) {
    const dir = resolve(root, project)
    if (!existsSync(dir)) throw viteError(`unmoor({ project }): there is no folder ${dir}. Correct it.`)
    return dir
  }
  for (let dir = resolve(root); ; dir = dirname(dir)) {
    if (CONFIG_FILES.some((name) => existsSync(join(dir, name)))) return dir
    if (dir === dirname(dir))
      throw viteError(
        `There is no unmoor.config.ts in Vite's root ${root}, or in a folder above it. Make an app with ` +
          '"npx unmoor init", or name the folder of one: unmoor({ project: "../api" }).',
      )
  }
}

/** What a Vite build needs to know of the app. */
export interface BuiltProject {
  readonly project: Project
  /** Absolute path of the folder of the app's assets. */
  readonly assetsDir: string
}

/**
 * Reads the app's declarations.
 *
 * @throws `InvalidArgument` if the app has no assets, or is an existing Worker; else what the app's code is
 * refused for.
 */
export async function readDeclarations(
  projectDir: string,
  { environment }: UnmoorViteOptions,
): Promise<BuiltProject> {
  const project = await loadProject(projectDir, { environment, declarationsOnly: true })
  refuseWorker(project.worker !== undefined)
  const found = Object.values(project.manifest.bindings).find(({ kind }) => kind === 'assets')
  if (found?.kind !== 'assets')
    throw viteError(
      'The app has no assets, which Vite could build. Add to its bindings: page: assets({ directory: ' +
        '"./dist", notFound: "single-page-application" })',
    )
  return { project, assetsDir: resolve(projectDir, found.directory) }
}

/** @throws if the config names an existing Worker. */
export function refuseWorker(isWorker: boolean): void {
  if (isWorker)
    throw viteError(
      'unmoor/vite is for apps of unmoor, and this is an existing Worker. Build it with its own plugin, ' +
        'such as @cloudflare/vite-plugin, then run: unmoor build --worker . --target NAME',
    )
}

/** Folders of a Vite config that has to fit an app. */
export interface ViteFolders {
  readonly projectDir: string
  readonly assetsDir: string
  readonly root: string
  /** Absolute path of the app's module. */
  readonly entry: string
  /** Absolute path of the output folder, and of the one whose files are copied; empty for none. */
  readonly outDir: string
  readonly publicDir: string
}

function holds(folder: string, path: string): boolean {
  const within = relative(folder, path)
  return within === '' || !(within.startsWith('..') || isAbsolute(within))
}

/** @throws `InvalidArgument` if the output of Vite is not the app's assets, or would overwrite sources. */
export function checkFolders(folders: ViteFolders): void {
  const { assetsDir, outDir, publicDir, root, projectDir, entry } = folders
  const shown = (path: string): string => relative(projectDir, path) || '.'
  if (holds(assetsDir, root) || holds(assetsDir, entry))
    throw viteError(
      `The app's assets are in "${shown(assetsDir)}", which has sources: Vite empties that folder at each ` +
        'build. Give the app a folder that Vite writes, such as assets({ directory: "./dist" }).',
    )
  if (assetsDir === publicDir)
    throw viteError(
      `The app's assets are in "${shown(assetsDir)}", which is Vite's publicDir: a build would overwrite ` +
        'its own source. Give the app a folder that Vite writes, such as assets({ directory: "./dist" }), ' +
        'or Vite another publicDir.',
    )
  if (resolve(outDir) !== assetsDir)
    throw viteError(
      `Vite writes to "${shown(outDir)}", and the app's assets are in "${shown(assetsDir)}". Leave out ` +
        `build.outDir, which unmoor() sets, or write "${relative(root, assetsDir)}".`,
    )
}

/** @throws `InvalidArgument` for a base that a built app cannot serve. */
export function checkBase(base: string): void {
  if (base.startsWith('/') && base !== '/')
    throw viteError(
      `base is "${base}", but an app serves its assets at "/". Leave out base, or name another origin.`,
    )
}
