import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Operation, Outcome } from '../checkers/operation.ts'
import type { FaultRecord } from '../faults/fault.ts'
import type { Plan } from '../plan-data.ts'

/** A line that is written before a call. */
export interface BeginLine {
  /** The operation's id. */
  readonly b: number
  readonly t: number
  readonly p: string
  readonly c: object
  /** Client and number of the step of the plan, if the operation belongs to one. */
  readonly s?: readonly [client: number, step: number]
}

/** A line that is written after an answer. */
export interface EndLine {
  readonly e: number
  readonly t: number
  readonly o: Outcome<unknown>
}

/** All that one run recorded. */
export interface History {
  readonly plan: Plan
  readonly operations: readonly Operation<object>[]
  readonly faults: readonly FaultRecord[]
  /** What the run itself saw go wrong, such as a process that ended by itself. */
  readonly problems: readonly string[]
}

/** Reads the lines of one process. The last may be cut where the machine stopped; no other may. */
export function readLines(path: string): (BeginLine | EndLine)[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  lines.pop()
  return lines.map((line) => JSON.parse(line) as BeginLine | EndLine)
}

/** Joins the lines of all processes to operations, in the order of their calls. */
export function toOperations(lines: readonly (BeginLine | EndLine)[]): Operation<object>[] {
  const ends = new Map(lines.flatMap((line) => ('e' in line ? [[line.e, line] as const] : [])))
  return lines
    .flatMap((line): Operation<object>[] => {
      if (!('b' in line)) return []
      const end = ends.get(line.b)
      const outcome = end?.o ?? ({ is: 'unknown', code: 'killed' } as const)
      // An unknown outcome may still take effect after the error: the server may have the call in a queue.
      const ended = end === undefined || outcome.is === 'unknown' ? Infinity : end.t
      return [{ id: line.b, process: line.p, call: line.c, begun: line.t, ended, outcome }]
    })
    .sort((a, b) => a.begun - b.begun || a.id - b.id)
}

/** The first line of a stored history. Other versions are refused, not guessed at. */
const FORMAT = { format: 'unmoor-history', version: 1 } as const

/** Stores a history as JSON lines: the format with the plan, then operations, faults and problems. */
export function storeHistory(path: string, { plan, operations, faults, problems }: History): void {
  const lines: object[] = [{ ...FORMAT, plan }]
  // JSON has no Infinity: a missing end stands for it.
  for (const { ended, ...rest } of operations) lines.push(ended === Infinity ? rest : { ...rest, ended })
  for (const fault of faults) lines.push({ fault })
  for (const problem of problems) lines.push({ problem })
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(''))
}

/** Reads a stored history. @throws for a file of another format or version. */
export function loadHistory(path: string): History {
  const [first, ...rest] = readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  if (first?.['format'] !== FORMAT.format || first['version'] !== FORMAT.version)
    throw new Error(
      `${path} is no history of version ${FORMAT.version}, but ${JSON.stringify(first?.['format'])} ` +
        `${JSON.stringify(first?.['version'])}. Replay it with the commit that stored it.`,
    )
  return {
    plan: first['plan'] as Plan,
    operations: rest
      .filter((line) => 'call' in line)
      .map((line) => ({ ended: Infinity, ...line }) as Operation<object>),
    faults: rest.flatMap((line) => ('fault' in line ? [line['fault'] as FaultRecord] : [])),
    problems: rest.flatMap((line) => ('problem' in line ? [String(line['problem'])] : [])),
  }
}
