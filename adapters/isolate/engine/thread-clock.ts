import { closeSync, openSync, readdirSync, readFileSync, readSync } from 'node:fs'

/**
 * What isolated-vm calls CPU time is the time that an isolate was at work by the clock: on a busy machine it
 * counts what its thread waited for a core, too. The kernel knows better, thread by thread
 * (`/proc/self/task/ID/schedstat`), but not which isolate a thread has run. Without /proc (macOS,
 * Windows) the clock has to do.
 */
const TASKS = '/proc/self/task'
/** Milliseconds for which a reading holds, and after which new threads are looked for. */
const FRESH = 2
const LIST_AFTER = 1000
const LOOK_AFTER = 20
/** Microseconds of which the kernel has seen most. */
const SEEN = 50_000
/** How many times longer than on a core of one's own a piece of work may take for that. */
const MOST_LENT = 10

interface Thread {
  file: number
  /** True if the thread runs isolates; `first`: it is the process's first one. */
  isolates: boolean
  first: boolean
  run: number
  wait: number
}

/** How this process's threads have spent their time so far, in microseconds. */
export interface ThreadTimes {
  /** On a core, and ready but without one: the threads that run isolates. */
  readonly run: number
  readonly wait: number
  /** On a core: all others that are alive (the first, V8's helpers, libuv's). */
  readonly others: number
  /** The first thread, which works for all tenants. */
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

  /** The latest reading. */
  get last(): ThreadTimes {
    return this.#times
  }

  /** With `look` also threads that began a moment ago are found. */
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

  // Threads of isolated-vm have the name of the process's first; V8's helpers and libuv's have their own.
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
        // One that was not there the last time has spent all its time since then.
        else
          this.#threads.set(id, { file, isolates, first, ...(this.#isListed ? { run: 0, wait: 0 } : times) })
      }
      this.#isListed = true
    } catch {
      // Another system, or a thread that has just ended.
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

/** Reads the clock, for {@link onCore}. */
export function readThreads(): ThreadTimes {
  return clock.read()
}

/**
 * Estimates how many of `active` microseconds of one long piece of work since `before` were spent on a core,
 * by how all isolates' threads have fared.
 */
export function onCore(active: number, before: ThreadTimes): number {
  const known = ({ run, wait }: ThreadTimes): number => run - before.run + wait - before.wait
  let after = clock.read()
  if (known(after) < active / 2) after = clock.read(true)
  const run = after.run - before.run
  if (known(after) >= active / 2) return (active * run) / known(after)
  // The kernel brings its figures up to date every few milliseconds: what it has not seen yet says nothing.
  if (active < SEEN || run === 0) return active
  // What is missing of a longer time was no time at all here: a virtual machine's cores are lent to others.
  return Math.max(run, active / MOST_LENT)
}

/** Microseconds of the first thread that are taken as they are: the kernel is not exact for less. */
const SHORT = 5000

/**
 * Estimates how many of `elapsed` microseconds of work on the first thread, which has just ended, were spent
 * on a core: a busy machine gives the core to others in between, which is nobody's time here.
 */
export function onFirstCore(elapsed: number): number {
  if (elapsed < SHORT) return elapsed
  const before = clock.last
  const after = clock.read()
  const run = after.firstRun - before.firstRun
  const known = run + after.firstWait - before.firstWait
  return known === 0 ? elapsed : (elapsed * run) / known
}

/** What of a period's time by the clock was time on a core, each at most 1. */
export interface Shares {
  /** Share of the time that isolates were at work. */
  readonly isolates: number
  /** Share of the time that the process's first thread worked for isolates. */
  readonly host: number
}

/** Shares the time on cores among isolates, period by period. */
export class CoreShare {
  #process = process.cpuUsage()
  #times = clock.read()

  /**
   * Returns the shares of the period since the last call. `active`: microseconds that all isolates together
   * were at work in it.
   */
  take(active: number): Shares {
    const cpu = process.cpuUsage(this.#process)
    this.#process = process.cpuUsage()
    const before = this.#times
    const now = clock.read()
    this.#times = now
    // No /proc.
    if (now.others === 0) return { isolates: 1, host: 1 }
    // The whole process's time is taken, as threads that isolated-vm starts for one entry have ended by now.
    const spent = cpu.user + cpu.system - (now.others - before.others)
    const first = now.firstRun - before.firstRun
    const known = first + now.firstWait - before.firstWait
    return {
      isolates: active === 0 ? 1 : Math.min(1, Math.max(0, spent) / active),
      host: known === 0 ? 1 : first / known,
    }
  }
}
