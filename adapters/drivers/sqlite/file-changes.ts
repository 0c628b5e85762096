/**
 * Tells when other processes write to a database file that this process has closed: by the system's
 * notifications, and by a slow look for what these do not tell (other machines, some mounted folders).
 */
import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Milliseconds within which the slow look has been at every file. */
const NET = 2000
/** Steps that the slow look is split into, so that many files hold nothing up. */
const STEPS = 20

interface Watched {
  path: string
  seen: string
  onChange: () => void
}

interface Folder {
  watcher: FSWatcher
  /** Watched files, by name. */
  files: Map<string, Watched>
  /** Files of which notifications came in this turn. */
  told: Set<Watched>
}

const folders = new Map<string, Folder>()
/** All of them, for the slow look: the front is the next. */
const all = new Set<Watched>()
let net: NodeJS.Timeout | undefined

/** What tells a state of a database from another one: times and sizes of its file and of its log. */
export function stateOf(path: string): string {
  return `${stateOfFile(path)}${stateOfFile(`${path}-wal`)}`
}

/** How a state ends where the log is empty or gone: all is in the file. */
export const NO_LOG = ' -'
/** The state where there is no database. */
export const NO_FILE = ' - -'

function stateOfFile(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  // An empty log, and none, hold the same: nothing.
  if (found === undefined || found.size === 0n) return NO_LOG
  return ` ${found.ino}/${found.mtimeNs}/${found.size}`
}

/**
 * Calls `onChange` once, when the file is in another state than `seen`. Returns what ends it; undefined where
 * the system has no notifications to give.
 */
export function onceChanged(path: string, seen: string, onChange: () => void): (() => void) | undefined {
  const folder = folderOf(dirname(path))
  if (folder === undefined) return undefined
  const end = (): void => {
    if (!all.delete(watched)) return
    folder.files.delete(basename(path))
    folder.told.delete(watched)
    if (folder.files.size === 0) closeFolder(dirname(path))
    if (all.size > 0) return
    clearInterval(net)
    net = undefined
  }
  const watched: Watched = {
    path,
    seen,
    onChange() {
      end()
      onChange()
    },
  }
  folder.files.set(basename(path), watched)
  all.add(watched)
  net ??= setInterval(lookAtSome, NET / STEPS).unref()
  return end
}

function folderOf(path: string): Folder | undefined {
  const known = folders.get(path)
  if (known !== undefined) return known
  let watcher: FSWatcher
  try {
    watcher = watch(path, { persistent: false })
  } catch {
    // The system's limit of watched folders, or a file system that has none.
    return undefined
  }
  const folder: Folder = { watcher, files: new Map(), told: new Set() }
  watcher.on('change', (_, name) => tell(folder, name === null ? null : String(name)))
  // The folder is gone, or its notifications are: all look.
  watcher.on('error', () => {
    for (const watched of folder.files.values()) watched.onChange()
  })
  folders.set(path, folder)
  return folder
}

function closeFolder(path: string): void {
  folders.get(path)?.watcher.close()
  folders.delete(path)
}

/** One look at a file for all notifications of a turn: closing a database makes several. */
function tell(folder: Folder, name: string | null): void {
  const first = folder.told.size === 0
  if (name === null) for (const watched of folder.files.values()) folder.told.add(watched)
  else {
    const watched = folder.files.get(name.replace(/-(?:wal|shm|journal)$/, ''))
    if (watched !== undefined) folder.told.add(watched)
  }
  if (!first || folder.told.size === 0) return
  setImmediate(() => {
    const told = [...folder.told]
    folder.told.clear()
    for (const watched of told) check(watched)
  })
}

function check(watched: Watched): void {
  if (all.has(watched) && stateOf(watched.path) !== watched.seen) watched.onChange()
}

function lookAtSome(): void {
  const some = [...all.values().take(Math.ceil(all.size / STEPS))]
  for (const watched of some) {
    all.delete(watched)
    all.add(watched)
    check(watched)
  }
}
