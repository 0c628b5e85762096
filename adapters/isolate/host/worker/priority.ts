import { readdirSync } from 'node:fs'
import { setPriority } from 'node:os'

/** Nice value of a process that is to give way. */
const LOW = 10

/**
 * Lets this process give way to others. On Linux each thread has a priority of its own, which those that it
 * starts take over.
 */
export function lowerPriority(): void {
  let threads = [0]
  try {
    threads = readdirSync('/proc/self/task').map(Number)
  } catch {
    // Elsewhere a priority is the process's.
  }
  for (const thread of threads) {
    try {
      setPriority(thread, LOW)
    } catch {
      // It has just ended, or the system allows it to nobody.
    }
  }
}
