import { Draw } from './draw.ts'
import type { Fault, FaultKind } from './faults/fault.ts'
import type { Plan, WorkloadName } from './plan-data.ts'
import { WORKLOADS } from './workloads/index.ts'

/** The drivers whose histories are judged, with what each can serve. */
export const DRIVERS: Readonly<Record<string, readonly WorkloadName[]>> = {
  sqlite: ['strong-kv', 'kv', 'queue', 'sql', 'crons'],
  fs: ['blob'],
  postgres: ['strong-kv', 'kv', 'blob', 'queue', 'sql', 'crons'],
  redis: ['strong-kv', 'kv', 'queue', 'crons'],
  nats: ['queue'],
}

/** Faults that need a server, or a way to it. */
const SERVER_FAULTS: readonly FaultKind[] = [
  'server-kill',
  'server-pause',
  'cut',
  'half-open',
  'delay',
  'lost-answer',
]
const PROCESS_FAULTS: readonly FaultKind[] = ['kill', 'pause']

/** Drivers without a server: their processes share files. */
const EMBEDDED: readonly string[] = ['sqlite', 'fs']

/** Returns the kinds of faults that a driver's histories can have. */
export function faultsOf(driver: string): readonly FaultKind[] {
  return EMBEDDED.includes(driver) ? PROCESS_FAULTS : [...PROCESS_FAULTS, ...SERVER_FAULTS]
}

/** What a plan is drawn from. */
export interface PlanOptions {
  readonly seed: number
  readonly driver: string
  readonly workload: WorkloadName
  readonly processes: number
  /** Kinds of faults to draw from. None make a run without faults, which passes as such. */
  readonly faults: readonly FaultKind[]
}

export function createPlan({ seed, driver, workload, processes, faults }: PlanOptions): Plan {
  const draw = new Draw(seed)
  const clients = WORKLOADS[workload].plan(draw, processes)
  const kinds = faults.filter((kind) => faultsOf(driver).includes(kind))
  const count = kinds.length === 0 ? 0 : 2 + draw.int(3)
  const drawn = Array.from({ length: count }, () =>
    fault(draw, draw.pick(kinds), 10 + draw.int(60), { workload, processes }),
  )
  return { seed, driver, workload, processes, clients, faults: drawn }
}

function fault(
  draw: Draw,
  kind: FaultKind,
  at: number,
  { workload, processes }: Pick<PlanOptions, 'workload' | 'processes'>,
): Fault {
  const hasLeases = workload === 'queue' || workload === 'crons'
  switch (kind) {
    case 'kill':
      return { kind, at, process: draw.int(processes) }
    case 'pause':
      return { kind, at, process: draw.int(processes), seconds: hasLeases ? PAST_LEASES : 0.3 }
    case 'server-kill':
      return { kind, at }
    case 'lost-answer':
      return { kind, at, answers: 1 + draw.int(3) }
    default:
      return { kind, at, seconds: 0.2 + draw.int(5) / 10 }
  }
}

/** Seconds of a pause that is longer than two leases of the workloads. */
const PAST_LEASES = 2.2
