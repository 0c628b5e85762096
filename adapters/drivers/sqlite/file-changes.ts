/**
 * Detects writes of other processes to a database file that this process has closed. It uses the system's
 * notifications, and a slow poll for writes that they miss (other machines, some mounted folders).
 */
import { type FSWatcher, statSync, watch } from 'node:fs'
import { basename, dirname } from 'node:path'

/** Milliseconds within which the slow poll for changed database files has visited every file. */
const NET = 2000
/**
 * Number of steps that the slow poll of database files is split into, so that many files do not block the
 * event loop.
 */
const STEPS = 20

interface Watched {
  path: string
  seen: string
  onChange: () => void
}

interface Folder {
  watcher: FSWatcher
  /** Database files of one folder that are watched for changes, by name. */
  files: Map<string, Watched>
  /** Database files with a change notification in this turn of the event loop. */
  told: Set<Watched>
}

const folders = new Map<string, Folder>()
/** All watched database files, in the order in which the slow poll checks them next. */
const all = new Set<Watched>()
let net: NodeJS.Timeout | undefined

/** State of an SQLite database as text: inodes, times and sizes of its file and of its log. */
export function stateOf(path: string): string {
  return `${stateOfFile(path)}${stateOfFile(`${path}-wal`)}`
}

/** End of the state text of an SQLite database whose log is empty or missing: all data is in its own file. */
export const NO_LOG = ' -'
/** State text of an SQLite database whose file does not exist. */
export const NO_FILE = ' - -'

function stateOfFile(path: string): string {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  // A missing SQLite log has the same state text as an empty log, because neither holds data.
  if (found === undefined || found.size === 0n) return NO_LOG
  return ` ${found.ino}/${found.mtimeNs}/${found.size}`
}

/**
 * Calls `onChange` once, when the database file's state differs from `seen`. Returns a function that ends the
 * watch; undefined if the system has no notifications left.
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
    // A database's folder cannot be watched: the system's limit of watched folders is reached, or the file
    // system has no notifications.
    return undefined
  }
  const folder: Folder = { watcher, files: new Map(), told: new Set() }
  watcher.on('change', (_, name) => tell(folder, name === null ? null : String(name)))
  // The watched folder or its notifications are gone, so all its database files count as changed.
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

/**
 * Handles a notification of a changed database file. A file is read once for all notifications of a turn,
 * because closing a database makes several.
 */
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
