import { readFileSync } from 'node:fs'

/**
 * Milliseconds since the start of a process that its first thread was on a core, and that it waited for one.
 * Linux counts them; 0 elsewhere, and where it has ended.
 */
export function coreTimes(pid: number | undefined): { ran: number; waited: number } {
  try {
    // Nanoseconds on a core, nanoseconds ready and waiting for one, turns.
    const [ran, waited] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')
    return { ran: Number(ran) / 1e6, waited: Number(waited) / 1e6 }
  } catch {
    return { ran: 0, waited: 0 }
  }
}
