import { readFileSync } from 'node:fs'

/** Milliseconds since its start that the main thread of a process ran on a core, and waited for one. */
export interface CoreTimes {
  readonly ran: number
  readonly waited: number
}

/**
 * Reads the times of a process's main thread. Only Linux counts them; both are 0 elsewhere and for a process
 * that has ended.
 */
export function coreTimes(pid: number | undefined): CoreTimes {
  try {
    // Fields of schedstat: nanoseconds on a core, nanoseconds of waiting for a core, number of time slices.
    const [ran, waited] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')
    return { ran: Number(ran) / 1e6, waited: Number(waited) / 1e6 }
  } catch {
    return { ran: 0, waited: 0 }
  }
}
