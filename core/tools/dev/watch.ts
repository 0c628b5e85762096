import { readdirSync, watch, type FSWatcher } from 'node:fs'
import { dirname, isAbsolute, join, relative, sep } from 'node:path'

const IGNORED: ReadonlySet<string> = new Set([
  'node_modules',
  '.git',
  '.unmoor',
  '.wrangler',
  'dist',
  'coverage',
])
/**
 * Milliseconds without a further file change until a change is reported, since editors and checkouts write
 * many files at once.
 */
const QUIET_MS = 80

/** Stream of changes to the files of a project that `unmoor dev` watches. */
export interface Changes {
  /**
   * Waits until a project file has changed since the last call, and then until no file changes for a moment.
   * Resolves to the changed file's name, or to undefined when the watcher is closed.
   */
  next(): Promise<string | undefined>
  /** Makes the watcher's `next` resolve to `name`, as if the file with this name had changed. */
  again(name: string): void
  close(): void
}

/**
 * Matches names of files whose change triggers a build: code, and files that builds read without importing
 * them.
 */
const READ =
  /\.[cm]?[jt]sx?$|(^|[/\\])(package\.json|tsconfig[^/\\]*\.json|wrangler\.(toml|jsonc?)|\.env[^/\\]*|\.dev\.vars[^/\\]*)$/

/** Matches names of files that running programs write, such as logs and databases. */
const WRITTEN = /\.(log|out|pid|tmp|sqlite\w*|db)(-\w+)?$/

/** Files that the last build of `unmoor dev` has read. */
export interface Inputs {
  /** Absolute paths of the modules in the last build's bundle. */
  modules: ReadonlySet<string>
  /** Absolute paths of the app's folders of assets and migrations. */
  folders: readonly string[]
  /** Absolute path of the build's env file, which may have any name. */
  envFile: string
}

/**
 * Watches a project's files, without packages, artifacts, version control and the absolute folders `ignored`,
 * to which a running app writes. A change counts if the file is code or if the last build read it, according
 * to `inputs`. The command's own output, redirected to a file in the project, thus triggers no build. While
 * no build has succeeded, `inputs` is undefined, and any file counts unless programs write it. Bundled
 * modules outside of the project are watched too.
 */
export function watchProject(
  projectDir: string,
  ignored: readonly string[],
  inputs: () => Inputs | undefined,
  /** Tells files that trigger no build unless the last build read them or failed. Default: none. */
  isForeign: (path: string) => boolean = () => false,
): Changes {
  const watchers: FSWatcher[] = []
  let changed: string | undefined
  let closed = false
  let timer: NodeJS.Timeout | undefined
  let wake: (() => void) | undefined
  const note = (name: string): void => {
    changed ??= name
    clearTimeout(timer)
    timer = setTimeout(() => {
      timer = undefined
      wake?.()
    }, QUIET_MS)
  }
  const notice = (name: string): void => {
    const path = join(projectDir, name)
    if (
      name.split(sep).some((part) => IGNORED.has(part)) ||
      ignored.some((folder) => path === folder || path.startsWith(folder + sep))
    )
      return
    const read = inputs()
    if (read !== undefined && !read.modules.has(path) && isForeign(path)) return
    if (isRead(path, read)) note(name)
  }
  const watchFolder = (name: string): void => {
    watchers.push(
      // The error of a file watcher whose folder was removed is ignored.
      watch(join(projectDir, name), { recursive: true }, (_event, file) =>
        notice(file === null ? name : join(name, file)),
      ).on('error', () => {}),
    )
  }
  const known = new Set<string>()
  const watchNewFolders = (): void => {
    for (const entry of readdirSync(projectDir, { withFileTypes: true })) {
      if (!entry.isDirectory() || IGNORED.has(entry.name) || known.has(entry.name)) continue
      known.add(entry.name)
      watchFolder(entry.name)
    }
  }
  watchers.push(
    watch(projectDir, (_event, file) => {
      watchNewFolders()
      notice(file ?? '.')
    }),
  )
  watchNewFolders()
  const watchOutside = outsideWatcher(projectDir, watchers, note)
  return {
    again: note,
    async next() {
      watchOutside(inputs()?.modules)
      for (;;) {
        if (closed) return undefined
        await new Promise<void>((resolve) => {
          wake = resolve
          if (changed !== undefined && timer === undefined) resolve()
        })
        const name = changed
        if (name === undefined) continue
        changed = undefined
        return name
      }
    },
    close() {
      closed = true
      clearTimeout(timer)
      for (const watcher of watchers) watcher.close()
      wake?.()
    },
  }
}

/**
 * Returns a function that watches modules outside of the project, such as a workspace's packages. Their
 * folders are watched, since editors replace files.
 */
function outsideWatcher(
  projectDir: string,
  watchers: FSWatcher[],
  note: (name: string) => void,
): (modules: ReadonlySet<string> | undefined) => void {
  const folders = new Set<string>()
  let read: ReadonlySet<string> = new Set()
  return (modules = read) => {
    read = modules
    for (const module of modules) {
      const folder = dirname(module)
      if (folders.has(folder) || isOfProject(module, projectDir)) continue
      folders.add(folder)
      watchers.push(
        watch(folder, (_event, file) => {
          const path = join(folder, file ?? '')
          if (read.has(path)) note(relative(projectDir, path))
        }).on('error', () => {}),
      )
    }
  }
}

/**
 * True for modules that need no file watcher outside of the project: the project's own, and those of
 * installed packages, which nobody edits.
 */
function isOfProject(module: string, projectDir: string): boolean {
  if (!isAbsolute(module) || module.startsWith(projectDir + sep)) return true
  return module.split(sep).includes('node_modules')
}

function isRead(path: string, inputs: Inputs | undefined): boolean {
  if (READ.test(path)) return true
  if (inputs === undefined) return !WRITTEN.test(path)
  return (
    path === inputs.envFile ||
    inputs.modules.has(path) ||
    inputs.folders.some((folder) => path === folder || path.startsWith(folder + sep))
  )
}
