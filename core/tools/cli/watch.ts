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
/** Editors and checkouts write many files at once. */
const QUIET_MS = 80

/** Changes of a project's files. */
export interface Changes {
  /**
   * The name of a file that changed since the last call, once nothing has changed for a moment; undefined
   * when closed.
   */
  next(): Promise<string | undefined>
  /** Makes `next` resolve with this as if a file of that name had changed. */
  again(name: string): void
  close(): void
}

/** Code by its name, and files that builds read without importing them. */
const READ =
  /\.[cm]?[jt]sx?$|(^|[/\\])(package\.json|tsconfig[^/\\]*\.json|wrangler\.(toml|jsonc?)|\.env[^/\\]*|\.dev\.vars[^/\\]*)$/

/** Files that running programs write. */
const WRITTEN = /\.(log|out|pid|tmp|sqlite\w*|db)(-\w+)?$/

/** What the last build read. */
export interface Inputs {
  /** Absolute paths. */
  modules: ReadonlySet<string>
  /** Folders whose files it reads (assets, migrations), absolute. */
  folders: readonly string[]
  /** The env file, absolute: it may have any name. */
  envFile: string
}

/**
 * Watches a project without its packages, artifacts and version control, which no build reads or which builds
 * write, and without the folders in `ignored` (absolute): a running app writes its data there. Other files
 * count if they are code or if the last build read them, by `inputs`. While that is undefined, since no build
 * went well, any file may be what it lacked. The command's own output, kept in a file of the project, would
 * start it again and again. Modules of the last build outside of the project count as well.
 */
export function watchProject(
  projectDir: string,
  ignored: readonly string[],
  inputs: () => Inputs | undefined,
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
    if (isRead(path, inputs())) note(name)
  }
  const watchFolder = (name: string): void => {
    watchers.push(
      // A folder that is removed ends its own watcher; that is no failure.
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
 * Returns what watches the modules that lie outside of the project, as packages of a workspace do: by their
 * folders, since editors replace files.
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

/** True for files of the project, and of installed packages, which nobody edits. */
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
