import { readdirSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'

/**
 * Amount by which the nice value of a low-priority process exceeds the host's. `NICEST`: the kernel's
 * maximum.
 */
const STEP = 10
const NICEST = 19

/**
 * Lowers the priority of this process. On Linux each thread has its own priority, which new threads inherit
 * from the thread that starts them.
 */
export function lowerPriority(): void {
  const low = Math.min(getPriority() + STEP, NICEST)
  let threads = [0]
  try {
    threads = readdirSync('/proc/self/task').map(Number)
  } catch {
    // Systems without /proc have one priority for the whole process.
  }
  for (const thread of threads) {
    try {
      setPriority(thread, low)
    } catch {
      // The thread may have just ended, or the system may forbid changes of priorities.
    }
  }
}
