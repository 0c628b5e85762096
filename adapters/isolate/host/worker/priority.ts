import { readdirSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/** How much nicer than its host a process is that is to give way, and the kernel's limit. */
const STEP = 10
const NICEST = 19

/**
 * Lets this process give way to others. On Linux each thread has a priority of its own, which those that it
 * starts take over.
 */
export function lowerPriority(): void {
  const low = Math.min(getPriority() + STEP, NICEST)
  let threads = [0]
  try {
    threads = readdirSync('/proc/self/task').map(Number)
  } catch {
    // Elsewhere a priority is the process's.
  }
  for (const thread of threads) {
    try {
      setPriority(thread, low)
    } catch {
      // The thread has just ended, or the system allows nobody to change priorities.
    }
  }
}
