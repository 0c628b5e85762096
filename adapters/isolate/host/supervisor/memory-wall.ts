import { readFileSync } from 'node:fs'
import type { MemoryCgroup, MemoryCgroups } from './memory-cgroups.ts'

const MB = 1024 * 1024
/** MB that Node, the web API and an app's requests take besides the isolate. */
const BESIDE_MB = 256
/** Factor by which V8 lets an isolate exceed its memory limit before terminating it. */
const PASSED = 2
const LOOK_MS = 250

/** Returns the MB of resident memory above which the process of one app is killed. */
export function wallMb(memoryMb: number): number {
  return BESIDE_MB + PASSED * memoryMb
}

/** Options of {@link MemoryWall}, which limits a process's memory. */
export interface MemoryWallOptions {
  pid: number
  megabytes: number
  /** Creates memory cgroups. Undefined if none can be created; the process's memory is then polled. */
  cgroups: MemoryCgroups | undefined
  /** Kills the process that holds too much memory. Not called if the kernel kills it. */
  onExceeded(): void
}

/**
 * Limits the memory of a process and its descendants: by a cgroup if possible, else by polling four times a
 * second.
 */
export class MemoryWall {
  #cgroup: MemoryCgroup | undefined
  #timer: NodeJS.Timeout | undefined
  #exceeded = false

  constructor(options: MemoryWallOptions) {
    const { pid, megabytes, cgroups } = options
    // Memory that a process already holds stays charged to its former cgroup, so the new cgroup's limit is
    // lower by that amount.
    this.#cgroup = cgroups?.hold(pid, megabytes * MB - residentBytes(pid))
    if (this.#cgroup !== undefined) return
    this.#timer = setInterval(() => {
      if (residentBytes(pid) <= megabytes * MB) return
      clearInterval(this.#timer)
      this.#exceeded = true
      options.onExceeded()
    }, LOOK_MS)
    this.#timer.unref()
  }

  /**
   * Called when the process under the memory limit has ended; returns true if it was killed for its memory.
   */
  close(): boolean {
    clearInterval(this.#timer)
    const wasExceeded = this.#exceeded || this.#cgroup?.hasKilled === true
    this.#cgroup?.remove()
    return wasExceeded
  }
}

/**
 * Returns the resident bytes of a process and its descendants, since a wrapper may have started it. 0 on
 * systems without /proc.
 */
function residentBytes(pid: number): number {
  try {
    // A process's memory is read from `status`: `statm` counts in pages, whose size differs between machines.
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    return children.reduce((sum, child) => sum + residentBytes(Number(child)), resident)
  } catch {
    return 0
  }
}
