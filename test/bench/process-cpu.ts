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

/**
 * CPU time in microseconds, user and system, of `pids` and all processes below them so far; ended and reaped children count in their parent's.
 *
 * @throws where one of `pids` is gone: its time would be missing.
 */
export function cpuTime(pids: readonly number[]): number {
  const stats = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    const pid = Number(name)
    const stat = Number.isInteger(pid) ? readStat(pid) : undefined
    if (stat !== undefined) stats.set(pid, stat)
  }
  const counted = new Set<number>()
  const count = (pid: number): void => {
    counted.add(pid)
    for (const [child, { parent }] of stats) if (parent === pid && !counted.has(child)) count(child)
  }
  for (const pid of pids) {
    if (!stats.has(pid)) throw new Error(`The server process ${pid} is gone.`)
    if (!counted.has(pid)) count(pid)
  }
  let ticks = 0
  for (const pid of counted) ticks += stats.get(pid)?.ticks ?? 0
  return (ticks / TICKS) * 1_000_000
}
