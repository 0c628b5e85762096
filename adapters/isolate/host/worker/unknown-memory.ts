import type { Tenant } from './tenant.ts'

const MB = 1024 * 1024
/**
 * Bytes that a process may hold besides its isolates: code, caches, and freed memory kept by the allocator.
 */
const BESIDE = 384 * MB
/** Estimated bytes of an isolate that V8 does not count: its tables, code and databases. */
const PER_ISOLATE = 3 * MB
/**
 * Factor from the memory of a process's isolates to the memory that the process may hold: the allocator keeps
 * what isolates have freed.
 */
const FACTOR = 1.5
/** Bytes by which the process's memory must grow before isolates are measured again. */
const STEP = 32 * MB
/** Maximum number of apps named in one report of unknown memory; later reports name the next ones. */
const AT_ONCE = 8

/** A process's memory that cannot be attributed to its isolates. */
export interface UnknownMemoryReport {
  /** Resident bytes of the process. `known`: bytes that its isolates are known to hold. */
  resident: number
  known: number
  /** Names of apps with WebAssembly memory, largest first. */
  apps: string[]
}

/**
 * Compares a process's memory with what its isolates are known to hold. V8 does not count WebAssembly's
 * memory, so apps with such memory have to leave the shared process if the difference is too large.
 */
export class UnknownMemory {
  #residentBytes: () => number
  #measuredAt = 0
  #allowed = 0

  constructor(residentBytes: () => number = () => process.memoryUsage.rss()) {
    this.#residentBytes = residentBytes
  }

  /**
   * Reports the process's memory beyond that of its isolates; returns undefined if there is none. `measure`
   * updates each tenant's `memory`.
   */
  async look(
    tenants: () => readonly Tenant[],
    measure: () => Promise<void>,
  ): Promise<UnknownMemoryReport | undefined> {
    const resident = this.#residentBytes()
    if (resident <= Math.max(BESIDE, this.#allowed)) return undefined
    // Measuring memory costs each isolate a turn, so it is done only after the process has grown.
    if (this.#measuredAt === 0 || resident - this.#measuredAt >= STEP) {
      await measure()
      this.#measuredAt = resident
    }
    const live = tenants()
    const known = live.reduce((sum, { memory }) => sum + memory, 0)
    const { heapTotal, external } = process.memoryUsage()
    const allowed = BESIDE + heapTotal + external + known * FACTOR + live.length * PER_ISOLATE
    // Memory that isolates have freed stays with the process, so the memory that the process may hold never
    // falls.
    this.#allowed = Math.max(this.#allowed, allowed)
    if (resident <= this.#allowed) return undefined
    const apps = live.filter(({ holdsWasm }) => holdsWasm).toSorted((a, b) => b.memory - a.memory)
    return { resident, known, apps: apps.slice(0, AT_ONCE).map(({ record }) => record.name) }
  }
}
