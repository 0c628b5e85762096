import { readFileSync } from 'node:fs'
import { processTree } from './process-cpu.ts'

/**
 * Megabytes of `pids` and all processes below them: proportional set size, so that what they share counts
 * once.
 */
export function memoryOf(pids: readonly number[]): number {
  let kilobytes = 0
  for (const pid of processTree(pids)) {
    try {
      kilobytes += Number(
        /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0,
      )
    } catch {
      // It has just ended.
    }
  }
  return kilobytes / 1024
}
