import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { FaultKind } from './faults/fault.ts'
import { DRIVERS, faultsOf } from './plan.ts'
import type { WorkloadName } from './plan-data.ts'
import { WORKLOADS } from './workloads/index.ts'

/** What `npm run histories` is asked for. */
export interface Options {
  readonly drivers: readonly string[]
  readonly workloads: readonly WorkloadName[]
  readonly faults: readonly FaultKind[] | undefined
  readonly seed: number
  readonly minutes: number
  readonly replay: string | undefined
  /** `only` tries the planted bugs alone; `no` leaves them out. */
  readonly mutants: 'no' | 'too' | 'only'
  readonly json: boolean
  /** File that the report is written to. */
  readonly report: string | undefined
  readonly folder: string
}

/** Reads the flags. @throws for one that it does not know, with what it takes. */
export function readOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      driver: { type: 'string', multiple: true },
      workload: { type: 'string', multiple: true },
      faults: { type: 'string' },
      seed: { type: 'string' },
      minutes: { type: 'string' },
      replay: { type: 'string' },
      mutants: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      report: { type: 'string' },
      keep: { type: 'string', default: join(tmpdir(), 'unmoor-failed-histories') },
    },
  })
  const isWhole = values.driver === undefined && values.workload === undefined && values.faults === undefined
  return {
    drivers: oneOf('--driver', values.driver, Object.keys(DRIVERS)),
    workloads: oneOf('--workload', values.workload, Object.keys(WORKLOADS) as WorkloadName[]),
    faults: values.faults === undefined ? undefined : faultKinds(values.faults),
    seed: number('--seed', values.seed, Math.floor(Date.now() / 1000) % 1_000_000),
    minutes: number('--minutes', values.minutes, isWhole ? 45 : 1),
    replay: values.replay,
    mutants: values.mutants ? 'only' : isWhole ? 'too' : 'no',
    json: values.json,
    report: values.report,
    folder: values.keep,
  }
}

function faultKinds(text: string): FaultKind[] {
  if (text === 'none') return []
  const known = [...new Set(Object.keys(DRIVERS).flatMap(faultsOf))]
  return oneOf('--faults', text.split(','), known)
}

function oneOf<Name extends string>(
  flag: string,
  given: readonly string[] | undefined,
  known: readonly Name[],
): Name[] {
  for (const name of given ?? [])
    if (!known.includes(name as Name))
      throw new Error(`${flag} does not know ${name}. It takes ${known.join(', ')}.`)
  return (given as Name[] | undefined) ?? [...known]
}

function number(flag: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text)
  if (!Number.isFinite(value) || value < 0) throw new Error(`${flag} takes a number from 0, not ${text}.`)
  return value
}
