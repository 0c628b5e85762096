import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** A memory cgroup with one process in it. */
export interface MemoryCgroup {
  /** True if the kernel has ended a process in it for its memory. */
  readonly hasKilled: boolean
  /** Removes it, once its process has ended. */
  remove(): void
}

/** Names of files of a memory controller. */
const FILES = {
  1: { limit: 'memory.limit_in_bytes', swap: 'memory.memsw.limit_in_bytes', events: 'memory.oom_control' },
  2: { limit: 'memory.max', swap: 'memory.swap.max', events: 'memory.events' },
} as const
/** Name of a cgroup: the pid of the host that made it, and a number. */
const NAME = /^unmoor-(\d+)-\d+$/
/** In version 2, where a cgroup with cgroups below it has no processes itself. */
const LEAF = 'unmoor-host'
let made = 0

/**
 * Makes memory cgroups below the one that this process is in. Linux alone has them, for root or with a cgroup
 * that was delegated.
 */
export class MemoryCgroups {
  #parent: string
  #version: 1 | 2

  private constructor(parent: string, version: 1 | 2) {
    this.#parent = parent
    this.#version = version
  }

  /**
   * Undefined where none can be made. With version 2 this process moves to a cgroup below its own: call it
   * before child processes are started.
   */
  static find(read = (path: string): string => readFileSync(path, 'utf8')): MemoryCgroups | undefined {
    try {
      const place = findPlace(read('/proc/self/mountinfo'), read('/proc/self/cgroup'))
      if (place === undefined) return undefined
      if (place.version === 2) makeRoomForChildren(place.path)
      const cgroups = new MemoryCgroups(place.path, place.version)
      cgroups.#sweep()
      // Only making one shows that a cgroup can be made.
      cgroups.#make(Number.MAX_SAFE_INTEGER).remove()
      return cgroups
    } catch {
      return undefined
    }
  }

  /** Holds a process to so many bytes from now on; undefined where that fails. */
  hold(pid: number, bytes: number): MemoryCgroup | undefined {
    try {
      const cgroup = this.#make(bytes)
      try {
        writeFileSync(join(cgroup.path, 'cgroup.procs'), String(pid))
      } catch {
        cgroup.remove()
        return undefined
      }
      return cgroup
    } catch {
      return undefined
    }
  }

  /** Removes what hosts have left that were killed. The kernel keeps a cgroup that has processes. */
  #sweep(): void {
    for (const name of readdirSync(this.#parent)) {
      const pid = Number(NAME.exec(name)?.[1])
      if (Number.isNaN(pid) || isRunning(pid)) continue
      try {
        rmdirSync(join(this.#parent, name))
      } catch {
        // A process of that host has not ended yet: the next start of a host removes it.
      }
    }
  }

  #make(bytes: number): MemoryCgroup & { path: string } {
    const files = FILES[this.#version]
    const path = join(this.#parent, `unmoor-${process.pid}-${++made}`)
    mkdirSync(path)
    writeFileSync(join(path, files.limit), String(bytes))
    try {
      writeFileSync(join(path, files.swap), this.#version === 2 ? '0' : String(bytes))
    } catch {
      // Without swap there is no such file.
    }
    return {
      path,
      get hasKilled() {
        try {
          return /^oom_kill [1-9]/m.test(readFileSync(join(path, files.events), 'utf8'))
        } catch {
          return false
        }
      },
      remove() {
        try {
          rmdirSync(path)
        } catch {
          // The cgroup is empty, and goes with its parent at the latest.
        }
      },
    }
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

/** The folder of the cgroup of this process that counts memory. */
export function findPlace(mountinfo: string, own: string): { path: string; version: 1 | 2 } | undefined {
  const mounts = mountinfo.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , root, at] = before.split(' ')
    const [type, , options = ''] = after.split(' ')
    return root === undefined || at === undefined ? [] : [{ root, at, type, options: options.split(',') }]
  })
  const entries = own.split('\n').map((line) => line.split(':'))
  const mine = (controllers: string): string | undefined =>
    entries.find(([, names = '']) => names.split(',').includes(controllers))?.[2]
  const first = mounts.find(({ type, options }) => type === 'cgroup' && options.includes('memory'))
  const mount = first ?? mounts.find(({ type }) => type === 'cgroup2')
  const path = first === undefined ? mine('') : mine('memory')
  if (mount === undefined || path === undefined) return undefined
  const below = relative(mount.root, path)
  // What is mounted here may be another part of the tree.
  if (below.startsWith('..')) return undefined
  return { path: join(mount.at, below), version: first === undefined ? 2 : 1 }
}

/** @throws where others' processes are in the cgroup, or it is not this user's to change. */
function makeRoomForChildren(path: string): void {
  const enabled = join(path, 'cgroup.subtree_control')
  if (readFileSync(enabled, 'utf8').split(/\s/).includes('memory')) return
  const there = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)
  if (there.some((pid) => pid !== String(process.pid))) throw new Error('others are in it')
  if (!readdirSync(path).includes(LEAF)) mkdirSync(join(path, LEAF))
  writeFileSync(join(path, LEAF, 'cgroup.procs'), String(process.pid))
  writeFileSync(enabled, '+memory')
}
