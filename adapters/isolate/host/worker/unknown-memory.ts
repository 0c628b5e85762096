import type { Tenant } from './tenant.ts'

const MB = 1024 * 1024
/** What a process may hold beside the isolates: code, caches, and freed memory that its allocator keeps. */
const BESIDE = 384 * MB
/** Memory of an isolate outside of what V8 counts: its tables, its code, its databases. */
const PER_ISOLATE = 3 * MB
/** What the allocator keeps of what isolates freed. */
const FACTOR = 1.5
/** Growth of the process after which isolates are measured again. */
const STEP = 32 * MB
/** Apps that are named at once: where it goes on, the next ones follow. */
const AT_ONCE = 8

/** What a process holds that is not known to be anybody's. */
export interface UnknownMemoryReport {
  /** Bytes of the process, and those that its isolates are known to hold. */
  resident: number
  known: number
  /** Apps that have memory of WebAssembly, those that hold most first. */
  apps: string[]
}

/**
 * Compares what the process holds with what its isolates are known to hold. Memory of WebAssembly is where
 * V8's own count has nothing: what passes the count there is to leave the process that apps share.
 */
export class UnknownMemory {
  #residentBytes: () => number
  #measuredAt = 0
  #allowed = 0

  constructor(residentBytes: () => number = () => process.memoryUsage.rss()) {
    this.#residentBytes = residentBytes
  }

  /** Undefined where all is accounted for. `measure` brings each tenant's `memory` up to date. */
  async look(
    tenants: () => readonly Tenant[],
    measure: () => Promise<void>,
  ): Promise<UnknownMemoryReport | undefined> {
    const resident = this.#residentBytes()
    if (resident <= Math.max(BESIDE, this.#allowed)) return undefined
    // Measuring costs each isolate a turn: not while nothing has grown.
    if (this.#measuredAt === 0 || resident - this.#measuredAt >= STEP) {
      await measure()
      this.#measuredAt = resident
    }
    const live = tenants()
    const known = live.reduce((sum, { memory }) => sum + memory, 0)
    const { heapTotal, external } = process.memoryUsage()
    const allowed = BESIDE + heapTotal + external + known * FACTOR + live.length * PER_ISOLATE
    // Freed memory stays with the process, so what was right once is so later.
    this.#allowed = Math.max(this.#allowed, allowed)
    if (resident <= this.#allowed) return undefined
    const apps = live.filter(({ holdsWasm }) => holdsWasm).toSorted((a, b) => b.memory - a.memory)
    return { resident, known, apps: apps.slice(0, AT_ONCE).map(({ record }) => record.name) }
  }
}
