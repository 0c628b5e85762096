import { readFileSync } from 'node:fs'
import { processTree } from './process-cpu.ts'

/**
 * Megabytes of `pids` and all processes below them: proportional set size, so that what they share counts
 * once.
 */
export function memoryOf(pids: readonly number[]): number {
  return [...processTree(pids)].reduce((sum, pid) => sum + memoryOfOne(pid), 0)
}

/** Megabytes (proportional set size) of one process without those below it; 0 where it has just ended. */
export function memoryOfOne(pid: number): number {
  try {
    const kilobytes = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0
    return Number(kilobytes) / 1024
  } catch {
    return 0
  }
}
