import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'

/** A memory cgroup with one process in it. */
export interface MemoryCgroup {
  /** True if the kernel has killed a process in this cgroup for its memory. */
  readonly hasKilled: boolean
  /** Removes the cgroup once its process has ended. */
  remove(): void
}

/** File names of the memory controller of cgroups, by version of cgroups. */
const FILES = {
  1: { limit: 'memory.limit_in_bytes', swap: 'memory.memsw.limit_in_bytes', events: 'memory.oom_control' },
  2: { limit: 'memory.max', swap: 'memory.swap.max', events: 'memory.events' },
} as const
/** Pattern of our cgroups' names: the pid of the host that created the cgroup, and a number. */
const NAME = /^unmoor-(\d+)-\d+$/
/**
 * Name of the cgroup that the host moves itself to. In version 2 a cgroup with child cgroups may have no
 * processes.
 */
const LEAF = 'unmoor-host'
let made = 0

/**
 * Creates memory cgroups below the cgroup of this process. Works on Linux only, as root or in a delegated
 * cgroup.
 */
export class MemoryCgroups {
  #parent: string
  #version: 1 | 2

  private constructor(parent: string, version: 1 | 2) {
    this.#parent = parent
    this.#version = version
  }

  /**
   * Prepares the creation of memory cgroups; returns undefined if none can be created. In cgroup version 2
   * the calling process moves to a child cgroup, so call this before child processes are started.
   */
  static find(read = (path: string): string => readFileSync(path, 'utf8')): MemoryCgroups | undefined {
    try {
      const place = findPlace(read('/proc/self/mountinfo'), read('/proc/self/cgroup'))
      if (place === undefined) return undefined
      if (place.version === 2) makeRoomForChildren(place.path)
      const cgroups = new MemoryCgroups(place.path, place.version)
      cgroups.#sweep()
      // Only creating a cgroup shows if this process is permitted to create one.
      cgroups.#make(Number.MAX_SAFE_INTEGER).remove()
      return cgroups
    } catch {
      return undefined
    }
  }

  /** Limits a process to that many bytes of memory; returns undefined if that fails. */
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

  /** Removes cgroups left by killed hosts. The kernel keeps a cgroup that still has processes. */
  #sweep(): void {
    for (const name of readdirSync(this.#parent)) {
      const pid = Number(NAME.exec(name)?.[1])
      if (Number.isNaN(pid) || isRunning(pid)) continue
      try {
        rmdirSync(join(this.#parent, name))
      } catch {
        // A process of the killed host is still running in this cgroup: a later start of a host removes the
        // cgroup.
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
      // Machines without swap accounting have no file for a cgroup's swap limit.
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
          // The kernel keeps a cgroup that still has processes: a later start of a host removes it.
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

/**
 * Finds the folder of this process's memory cgroup in the texts of /proc/self/mountinfo and
 * /proc/self/cgroup.
 */
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
  // The mounted part of the cgroup tree may not include this process's own cgroup.
  if (below.startsWith('..')) return undefined
  return { path: join(mount.at, below), version: first === undefined ? 2 : 1 }
}

/**
 * Moves this process to a child cgroup and turns the memory controller on.
 *
 * @throws if other processes are in the cgroup, or this user may not change it.
 */
function makeRoomForChildren(path: string): void {
  const enabled = join(path, 'cgroup.subtree_control')
  if (readFileSync(enabled, 'utf8').split(/\s/).includes('memory')) return
  const there = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean)
  if (there.some((pid) => pid !== String(process.pid))) throw new Error('others are in it')
  if (!readdirSync(path).includes(LEAF)) mkdirSync(join(path, LEAF))
  writeFileSync(join(path, LEAF, 'cgroup.procs'), String(process.pid))
  writeFileSync(enabled, '+memory')
}
