import { onCore, readThreads } from './thread-clock.ts'

/**
 * Microseconds of CPU time that V8 may take to leave code which it was told to end, such as a garbage
 * collection or a built-in function over a large array. A harmless case took 1.5 s on a busy machine.
 */
const MOST_US = 10_000_000
const LOOK_MS = 250

/**
 * Calls `onStuck` once if an isolate that was disposed of is at work for ten more seconds of CPU time. Some
 * built-in functions of V8 cannot be ended (`[].indexOf.call({ length: 2 ** 53 - 1 }, 1)`), and would keep a
 * thread at work for ever. `isInside` returns true while an entry on another thread is under way.
 */
export function watchLeave(isInside: () => boolean, onStuck: () => void): void {
  if (!isInside()) return
  const since = performance.now()
  const before = readThreads()
  const timer = setInterval(() => {
    const active = (performance.now() - since) * 1000
    // The isolate has worked for no longer than the CPU time of isolated-vm's threads, if that time is known:
    // a thread that waits for a core is not at work.
    const { run } = readThreads()
    const worked = run === 0 ? active : Math.min(onCore(active, before), run - before.run)
    if (isInside() && worked < MOST_US) return
    clearInterval(timer)
    if (isInside()) onStuck()
  }, LOOK_MS)
  timer.unref()
}
