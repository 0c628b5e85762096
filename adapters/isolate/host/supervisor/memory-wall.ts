import { readFileSync } from 'node:fs'
import type { MemoryCgroup, MemoryCgroups } from './memory-cgroups.ts'

const MB = 1024 * 1024
/** What Node, the web API and an app's requests take beside an isolate. */
const BESIDE_MB = 256
/** V8 lets an isolate pass its limit before it ends it. */
const PASSED = 2
const LOOK_MS = 250

/** MB of resident memory beyond which the process of one app is ended. */
export function wallMb(memoryMb: number): number {
  return BESIDE_MB + PASSED * memoryMb
}

/** Options of {@link MemoryWall}. */
export interface MemoryWallOptions {
  pid: number
  megabytes: number
  /** Where none can be made, the process is looked at. */
  cgroups: MemoryCgroups | undefined
  /** Ends the process, which holds more. Not called where the kernel ends it. */
  onExceeded(): void
}

/**
 * Holds a process with what it has started to so much memory: by a cgroup where one can be made, else by
 * looking at it four times a second.
 */
export class MemoryWall {
  #cgroup: MemoryCgroup | undefined
  #timer: NodeJS.Timeout | undefined
  #exceeded = false

  constructor(options: MemoryWallOptions) {
    const { pid, megabytes, cgroups } = options
    // What it has already stays on its former cgroup's bill.
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

  /** The process has ended: whether that was for its memory. */
  close(): boolean {
    clearInterval(this.#timer)
    const wasExceeded = this.#exceeded || this.#cgroup?.hasKilled === true
    this.#cgroup?.remove()
    return wasExceeded
  }
}

/**
 * Resident memory of a process and its descendants, as a wrapper may stand before it. 0 where there is no
 * /proc.
 */
function residentBytes(pid: number): number {
  try {
    // Not `statm`, which counts in pages: their size differs from machine to machine.
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const resident = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    return children.reduce((sum, child) => sum + residentBytes(Number(child)), resident)
  } catch {
    return 0
  }
}
