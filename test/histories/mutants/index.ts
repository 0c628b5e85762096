import { fileURLToPath } from 'node:url'
import { copyPackage } from '../../hostile/package-copy.ts'
import { type Backend, startBackend } from '../backends.ts'
import { judge } from '../judge.ts'
import { createPlan, faultsOf } from '../plan.ts'
import { runHistory } from '../run-history.ts'
import { FS } from './fs.ts'
import type { Mutant } from './mutant.ts'
import { NATS } from './nats.ts'
import { POSTGRES } from './postgres.ts'
import { REDIS } from './redis.ts'
import { SQLITE_CRONS, SQLITE_EXPIRY, SQLITE_KV, SQLITE_QUEUE, SQLITE_SQL } from './sqlite.ts'

/** Histories in which a mutant must be convicted. */
export const MOST_HISTORIES = 20

/** Bugs that show only where a fault hits one moment, by name. */
const WEAK: Readonly<Record<string, string>> = {
  'crons: a time that another replica holds is left out': 'a kill must hit the holder of a time',
}

/** All planted bugs. */
export const MUTANTS: readonly Mutant[] = [
  ...SQLITE_KV,
  ...SQLITE_EXPIRY,
  ...SQLITE_QUEUE,
  ...SQLITE_SQL,
  ...SQLITE_CRONS,
  ...FS,
  ...POSTGRES,
  ...REDIS,
  ...NATS,
].map((mutant) => {
  const isWeak = WEAK[mutant.is]
  return isWeak === undefined ? mutant : { ...mutant, isWeak }
})

/** How a mutant came off. */
export interface Trial {
  readonly mutant: string
  /** True if the mutant may live. */
  readonly isWeak: boolean
  /** Number of the history that convicted it; undefined if none did. */
  readonly convictedIn: number | undefined
  readonly histories: number
  /** Kind of the violation that convicted it. */
  readonly by: string | undefined
}

/** Tries the mutants of a driver one after the other, on one backend. */
export async function tryMutants(
  driver: string,
  mutants: readonly Mutant[],
  seed: number,
  say: (line: string) => void,
): Promise<Trial[]> {
  await using backend = await startBackend(driver)
  const trials: Trial[] = []
  for (const mutant of mutants) {
    const trial = await tryMutant(mutant, seed, backend)
    trials.push(trial)
    const { convictedIn, by } = trial
    say(
      convictedIn === undefined
        ? `mutant ALIVE after ${trial.histories} histories: ${mutant.is}`
        : `mutant convicted in history ${convictedIn} (${by}): ${mutant.is}`,
    )
  }
  return trials
}

async function tryMutant(mutant: Mutant, seed: number, backend: Backend): Promise<Trial> {
  const patches = mutant.patches.map((patch) => ({ ...patch, is: mutant.is }))
  await using copy = await copyPackage(patches)
  const { driver, workload, convicts, faults = faultsOf(driver) } = mutant
  const isWeak = mutant.isWeak !== undefined
  for (let number = 1; number <= MOST_HISTORIES; number++) {
    const plan = createPlan({ seed: seed + number, driver, workload, processes: 3, faults })
    const { violations } = judge(await runHistory(plan, backend, copy.dist))
    const found = violations.find(({ kind }) => convicts.some((name) => kind.startsWith(name)))
    if (found !== undefined)
      return { mutant: mutant.is, isWeak, convictedIn: number, histories: number, by: found.kind }
  }
  return { mutant: mutant.is, isWeak, convictedIn: undefined, histories: MOST_HISTORIES, by: undefined }
}

/** Folder of the built package. */
export const DIST = fileURLToPath(new URL('../../../dist', import.meta.url))
