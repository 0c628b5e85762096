import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'

/**
 * Folder of the kernel's times per thread (`/proc/self/task/ID/schedstat`). isolated-vm's CPU time is the
 * wall-clock time that an isolate was at work: on a busy machine it includes the time that its thread waited
 * for a core. The kernel knows each thread's CPU time, but not which isolate a thread has run. Without /proc
 * (macOS, Windows) the wall clock is used.
 */
const TASKS = '/proc/self/task'
/**
 * Milliseconds for which a reading of the threads' CPU times holds (`FRESH`), and after which new threads are
 * looked for: usually (`LIST_AFTER`), and if asked for (`LOOK_AFTER`).
 */
const FRESH = 2
const LIST_AFTER = 1000
const LOOK_AFTER = 20
/** Microseconds of work from which on the kernel's figures of a thread's CPU time are nearly complete. */
const SEEN = 50_000
/**
 * Most times longer that a piece of work may take on a virtual machine, whose cores are lent to others, than
 * on a core of its own.
 */
const MOST_LENT = 10

interface Thread {
  file: number
  /** True if the thread runs isolates of isolated-vm; `first` is true for the main thread of the process. */
  isolates: boolean
  first: boolean
  run: number
  wait: number
}

/** Microseconds that this process's threads have spent so far, by what they did. */
export interface ThreadTimes {
  /**
   * Microseconds of the threads that run isolates: on a core (`run`), and ready but without a core (`wait`).
   */
  readonly run: number
  readonly wait: number
  /**
   * Microseconds on a core of the live threads that run no isolates: the main thread, V8's helpers, libuv's.
   */
  readonly others: number
  /** Microseconds of the main thread, which works for all tenants: on a core, and ready but without one. */
  readonly firstRun: number
  readonly firstWait: number
}

class ThreadClock {
  #threads = new Map<string, Thread>()
  #times: ThreadTimes = { run: 0, wait: 0, others: 0, firstRun: 0, firstWait: 0 }
  #readAt = Number.NEGATIVE_INFINITY
  #listedAt = Number.NEGATIVE_INFINITY
  #own = ''
  #isListed = false
  #buffer = Buffer.alloc(128)

  /** The latest reading of the CPU times of this process's threads. */
  get last(): ThreadTimes {
    return this.#times
  }

  /**
   * Reads the CPU times of all threads of this process. If `look`, it also finds threads that began a moment
   * ago.
   */
  read(look = false): ThreadTimes {
    const now = performance.now()
    if (now - this.#readAt < FRESH && !look) return this.#times
    this.#readAt = now
    if (now - this.#listedAt >= (look ? LOOK_AFTER : LIST_AFTER)) {
      this.#listedAt = now
      this.#list()
    }
    let { run, wait, others, firstRun, firstWait } = this.#times
    for (const [id, thread] of this.#threads) {
      const times = this.#readThread(thread.file)
      if (times === undefined) {
        closeSync(thread.file)
        this.#threads.delete(id)
        continue
      }
      if (thread.isolates) {
        run += times.run - thread.run
        wait += times.wait - thread.wait
      } else others += times.run - thread.run
      if (thread.first) {
        firstRun += times.run - thread.run
        firstWait += times.wait - thread.wait
      }
      Object.assign(thread, times)
    }
    this.#times = { run, wait, others, firstRun, firstWait }
    return this.#times
  }

  // Finds new threads of this process. isolated-vm's threads have the name of the main thread; V8's helpers
  // and libuv's threads have names of their own.
  #list(): void {
    try {
      if (this.#own === '') this.#own = readFileSync(`${TASKS}/${process.pid}/comm`, 'utf8')
      for (const id of readdirSync(TASKS)) {
        if (this.#threads.has(id)) continue
        const first = id === String(process.pid)
        const isolates = !first && readFileSync(`${TASKS}/${id}/comm`, 'utf8') === this.#own
        const file = openSync(`${TASKS}/${id}/schedstat`, 'r')
        const times = this.#readThread(file)
        if (times === undefined) closeSync(file)
        // A new thread that began after the last listing has spent all its CPU time since then, so its times
        // start at 0.
        else
          this.#threads.set(id, { file, isolates, first, ...(this.#isListed ? { run: 0, wait: 0 } : times) })
      }
      this.#isListed = true
    } catch {
      // Threads' times cannot be read if the system has no /proc, or a thread has just ended.
    }
  }

  #readThread(file: number): { run: number; wait: number } | undefined {
    try {
      const [run, wait] = this.#buffer
        .toString('latin1', 0, readSync(file, this.#buffer, { position: 0 }))
        .split(' ')
      return { run: Number(run) / 1000, wait: Number(wait) / 1000 }
    } catch {
      return undefined
    }
  }
}

const clock = new ThreadClock()

/** Reads the times of this process's threads, as the start for {@link onCore}. */
export function readThreads(): ThreadTimes {
  return clock.read()
}

/**
 * Estimates how many of `active` wall-clock microseconds of one long piece of work since `before` were spent
 * on a core, from the times of all threads that run isolates.
 */
export function onCore(active: number, before: ThreadTimes): number {
  const known = ({ run, wait }: ThreadTimes): number => run - before.run + wait - before.wait
  let after = clock.read()
  if (known(after) < active / 2) after = clock.read(true)
  const run = after.run - before.run
  if (known(after) >= active / 2) return (active * run) / known(after)
  // The kernel updates its figures of a thread's CPU time every few milliseconds, so they say nothing about
  // shorter work.
  if (active < SEEN || run === 0) return active
  // Wall-clock time of longer work that the kernel did not count was not spent here: a virtual machine's
  // cores are lent to others.
  return Math.max(run, active / MOST_LENT)
}

/**
 * Microseconds of the main thread's work up to which the wall clock is used: the kernel is not exact for
 * less.
 */
const SHORT = 5000

/**
 * Estimates how many of `elapsed` wall-clock microseconds of work on the main thread, which has just ended,
 * were spent on a core. A busy machine gives the core to others in between, and that time is charged to
 * nobody.
 */
export function onFirstCore(elapsed: number): number {
  if (elapsed < SHORT) return elapsed
  const before = clock.last
  const after = clock.read()
  const run = after.firstRun - before.firstRun
  const known = run + after.firstWait - before.firstWait
  return known === 0 ? elapsed : (elapsed * run) / known
}

/** Shares of a period's wall-clock time that were spent on a core, each at most 1. */
export interface Shares {
  /** Share of the isolates' working time that their threads spent on a core. */
  readonly isolates: number
  /** Share of the main thread's working time that it spent on a core. */
  readonly host: number
}

/** Measures, period by period, which share of the isolates' wall-clock time was spent on a core. */
export class CoreShare {
  #process = process.cpuUsage()
  #times = clock.read()

  /**
   * Returns the shares of the time since the last call that were spent on a core. `active` is the number of
   * wall-clock microseconds that all isolates together were at work in that time.
   */
  take(active: number): Shares {
    const cpu = process.cpuUsage(this.#process)
    this.#process = process.cpuUsage()
    const before = this.#times
    const now = clock.read()
    this.#times = now
    // Without /proc no thread's time is known, and all wall-clock time counts.
    if (now.others === 0) return { isolates: 1, host: 1 }
    // The isolates' CPU time is the process's minus that of the other threads: threads that isolated-vm
    // starts for one entry have ended by now.
    const spent = cpu.user + cpu.system - (now.others - before.others)
    const first = now.firstRun - before.firstRun
    const known = first + now.firstWait - before.firstWait
    return {
      isolates: active === 0 ? 1 : Math.min(1, Math.max(0, spent) / active),
      host: known === 0 ? 1 : first / known,
    }
  }
}
