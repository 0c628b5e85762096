import type { Budget, Held, Reservation } from './budget.ts'
import type { Primordials } from './primordials.ts'
import type { Declared, guestReadModule, guestWriteMaxima, ModuleLimits } from './wasm-module.ts'

/** Record of a WebAssembly module that a tenant has compiled. */
export interface KnownModule {
  /** Bytes of the WebAssembly module, from which it may be compiled again with other maxima. */
  bytes: Uint8Array
  limits: ModuleLimits
  /** The WebAssembly module as it is compiled now, with the maximum sizes `maxima`. */
  module: WebAssembly.Module
  maxima: { [index: number]: number }
  /** Memory reservation for the WebAssembly module's bytes and compiled code. */
  code: Reservation
  /**
   * Compiles the WebAssembly module with other maximum sizes, and with the options that the tenant gave at
   * first.
   */
  compile: Compile
  /**
   * Number of live instances of the WebAssembly module (`live`), and the most that lived at once lately
   * (`most`).
   */
  live: number
  most: number
}

type Compile = (bytes: Uint8Array, isFirst: boolean) => WebAssembly.Module

interface Parts {
  read: ReturnType<typeof guestReadModule>
  write: ReturnType<typeof guestWriteMaxima>
  memory: Budget
  tables: Budget
  shares: ReturnType<typeof guestShares>
}

/**
 * Creates functions that choose the maxima for a WebAssembly module's memories and tables, so that all
 * memories and tables of an isolate stay within its limit. One instance takes most of what is free; several
 * share it.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestShares({ create, floor, max, min }: Primordials, memory: Budget, tables: Budget) {
  const PAGE = 65_536
  /**
   * Bytes reserved for an entry of a WebAssembly table (`ENTRY`), and at least for a memory (`LEAST`),
   * because each memory takes 10 GB of addresses.
   */
  const ENTRY = 40
  const LEAST = 524_288
  /** Share of the free bytes that one WebAssembly instance takes. */
  const MOST = 27 / 32
  const bytesOf = (kind: Declared['kind'], size: number): number =>
    kind === 'memory' ? max(LEAST, size * PAGE) : size * ENTRY
  const sums = (limits: ModuleLimits, sizeOf: (index: number) => number) => {
    const sum = { memory: 0, tables: 0, memories: 0 }
    for (let index = 0; index < limits.count; index++) {
      const { kind } = limits[index] as Declared
      const bytes = bytesOf(kind, sizeOf(index))
      if (kind === 'memory') sum.memory += bytes
      else sum.tables += bytes
      if (kind === 'memory') sum.memories++
    }
    return sum
  }
  const least = (limits: ModuleLimits) => sums(limits, (index) => (limits[index] as Declared).min)
  /** Rounds bytes down to steps, so that the same WebAssembly module is compiled for few maximum sizes. */
  const step = (bytes: number, limit: number): number => {
    const size = limit / 64
    return bytes < size ? bytes / 2 : floor(bytes / size) * size
  }
  const share = (limits: ModuleLimits, sharing: number): { [index: number]: number } => {
    const needed = least(limits)
    const spare = (budget: Budget, bytes: number): number =>
      step((max(0, budget.limit - budget.reserved() - bytes) * MOST) / sharing, budget.limit)
    const growth = {
      memory: spare(memory, needed.memory) / max(1, needed.memories),
      table: spare(tables, needed.tables) / max(1, limits.count - needed.memories),
    }
    const maxima = create(null) as { [index: number]: number }
    for (let index = 0; index < limits.count; index++) {
      const { kind, min: least, max: most } = limits[index] as Declared
      maxima[index] = min(most, least + floor(growth[kind] / (kind === 'memory' ? PAGE : ENTRY)))
    }
    return maxima
  }
  return {
    bytesOf,
    sums,
    least,
    share,
    /**
     * Returns the maximum, in pages or entries, of a WebAssembly memory or table that begins with `first` and
     * asks for `most`.
     */
    most: (kind: Declared['kind'], first: number, most: number): number => {
      const budget = kind === 'memory' ? memory : tables
      const spare = max(0, budget.limit - budget.reserved() - bytesOf(kind, first)) * MOST
      return min(most, first + floor(spare / (kind === 'memory' ? PAGE : ENTRY)))
    },
  }
}

/**
 * Creates functions that compile WebAssembly modules with maximum sizes, and that reserve what their
 * instances may grow to.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestModules({ max }: Primordials, parts: Parts) {
  const { memory, tables, read, write, shares } = parts
  const { sums, least, share } = shares
  /**
   * Multiple of a WebAssembly module's bytes that is reserved: for the guard's copy of them, for V8's, and
   * for the compiled code.
   */
  const CODE = 3
  const withMaxima = (bytes: Uint8Array, limits: ModuleLimits, maxima: { [index: number]: number }) => {
    for (let index = 0; index < limits.count; index++)
      if ((maxima[index] as number) < (limits[index] as Declared).max) return write(bytes, limits, maxima)
    return bytes
  }
  const release = (taken: Taken): void => {
    memory.release(taken.memory)
    tables.release(taken.tables)
  }
  return {
    codeBytes: (bytes: Uint8Array): number => bytes.length * CODE,
    /** Compiles a WebAssembly module from its bytes, which nobody else can change. */
    create(bytes: Uint8Array, limits: ModuleLimits, code: Reservation, compile: Compile): KnownModule {
      const maxima = share(limits, 1)
      const module = compile(withMaxima(bytes, limits, maxima), true)
      return { bytes, limits, module, maxima, code, compile, live: 0, most: 0 }
    },
    read,
    release,
    /** Reserves the memory that a WebAssembly instance may take. Returns undefined if too little is left. */
    instance(known: KnownModule, used: (entry: Reservation) => number): Taken | undefined {
      const { limits } = known
      const needed = least(limits)
      const room = memory.room(needed.memory, needed.memory + memory.limit / 4)
      if (room < needed.memory || tables.room(needed.tables) < needed.tables) return undefined
      known.most = max(known.most - 1, known.live + 1)
      const sum = (maxima: { [index: number]: number }) => sums(limits, (index) => maxima[index] as number)
      const now = sum(known.maxima)
      const maxima = share(limits, known.most)
      const next = sum(maxima)
      const fits = now.memory <= room && now.tables <= tables.limit - tables.reserved()
      if (!fits || (known.most > 1 && next.memory < now.memory) || next.memory > 2 * now.memory) {
        if (known.code.bytes === known.bytes.length * CODE)
          memory.resize(known.code, known.code.bytes + known.bytes.length)
        known.module = known.compile(withMaxima(known.bytes, limits, maxima), false)
        known.maxima = maxima
      }
      const taken = sum(known.maxima)
      known.live++
      const reserved = memory.reserve(taken.memory, used)
      reserved.over = () => void known.live--
      return { memory: reserved, tables: tables.reserve(taken.tables) }
    },
  }
}

/** Memory reservations of one WebAssembly instance. */
export interface Taken {
  memory: Reservation
  tables: Reservation
}

/**
 * Creates functions that reserve for WebAssembly memories and tables which JavaScript has made. While only
 * JavaScript can grow such an object, its size is reserved as it grows.
 *
 * Runs in the isolate, see `primordials.ts`.
 */
export function guestObjects(memory: Budget, tables: Budget, { bytesOf }: ReturnType<typeof guestShares>) {
  return {
    /** Reserves all that a WebAssembly memory or table may grow to. Returns false if too little is left. */
    open(own: Held): boolean {
      const budget = own.kind === 'memory' ? memory : tables
      const bytes = bytesOf(own.kind === 'memory' ? 'memory' : 'table', own.most)
      if (budget.room(bytes - own.entry.bytes) < bytes - own.entry.bytes) return false
      budget.resize(own.entry, bytes)
      return (own.isOpen = true)
    },
    /** True if enough is left for a WebAssembly memory or table to grow by so many pages or entries. */
    grow(own: Held, by: number): boolean {
      if (own.isOpen || !(by > 0)) return true
      const budget = own.kind === 'memory' ? memory : tables
      const bytes = bytesOf(own.kind === 'memory' ? 'memory' : 'table', own.size + by)
      return budget.room(bytes - own.entry.bytes) >= bytes - own.entry.bytes
    },
    grown(own: Held, by: number): void {
      if (own.isOpen || !(by > 0)) return
      own.size += by
      const kind = own.kind === 'memory' ? 'memory' : 'table'
      ;(kind === 'memory' ? memory : tables).resize(own.entry, bytesOf(kind, own.size))
    },
  }
}

export type Objects = ReturnType<typeof guestObjects>
export type Modules = ReturnType<typeof guestModules>
