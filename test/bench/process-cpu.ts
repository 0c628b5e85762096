import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks per second of /proc: 100 on every Linux that Node runs on. */
const TICKS = 100

interface Stat {
  parent: number
  ticks: number
}

function readStat(pid: number): Stat | undefined {
  let text: string
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return undefined
  }
  // The name, in parentheses, may hold anything; what follows it are fields 3 and on of proc(5).
  const fields = text
    .slice(text.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
  const at = (field: number): number => fields[field - 3] as number
  return { parent: at(4), ticks: at(14) + at(15) + at(16) + at(17) }
}

function readStats(): Map<number, Stat> {
  const stats = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined
    if (stat !== undefined) stats.set(pid, stat)
  }
  return stats
}

/** `pids` and all processes below them. @throws where one of `pids` is gone. */
export function processTree(
  pids: readonly number[],
  stats: ReadonlyMap<number, { parent: number }> = readStats(),
): Set<number> {
  const found = new Set<number>()
  const add = (pid: number): void => {
    found.add(pid)
    for (const [child, { parent }] of stats) if (parent === pid && !found.has(child)) add(child)
  }
  for (const pid of pids) {
    if (!stats.has(pid)) throw new Error(`The server process ${pid} is gone.`)
    if (!found.has(pid)) add(pid)
  }
  return found
}

/**
 * CPU time in milliseconds of all threads of `pid` so far, to the nanosecond: for spans that are shorter than
 * a clock tick.
 */
export function threadTime(pid: number): number {
  const times = readdirSync(`/proc/${pid}/task`).map((id) =>
    Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]),
  )
  return times.reduce((total, time) => total + time, 0) / 1e6
}

/** Milliseconds that the first thread of `pid` was ready and waited for a core so far. */
export function waitedTime(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6
}

/**
 * CPU time in microseconds, user and system, of `pids` and all processes below them so far; ended and reaped
 * children count in their parent's.
 *
 * @throws where one of `pids` is gone: its time would be missing.
 */
export function cpuTime(pids: readonly number[]): number {
  const stats = readStats()
  let ticks = 0
  for (const pid of processTree(pids, stats)) ticks += stats.get(pid)?.ticks ?? 0
  return (ticks / TICKS) * 1_000_000
}
