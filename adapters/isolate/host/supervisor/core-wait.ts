import { readFileSync } from 'node:fs'

/**
 * Milliseconds that the first thread of a process has waited for a core since it was started. Linux counts
 * them; 0 elsewhere, and where it has ended.
 */
export function waitedForCore(pid: number | undefined): number {
  try {
    // Nanoseconds on a core, nanoseconds ready and waiting for one, turns.
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0
  }
}
