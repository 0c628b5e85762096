import { type Attack, bounded, boundedBy, harmful, held, type Outcome } from './attack.ts'
import type { Answer, World } from './world.ts'

/** Limits as the answers name them, and as the metrics do. */
const NAMED: readonly (readonly [RegExp, string])[] = [
  [/did not start.*limit of \d+ ms of CPU time/, 'startupCpuMs'],
  [/limit of \d+ ms of CPU time/, 'cpuMs'],
  [/limit of memory|said more at once than/, 'memoryMb'],
  [/limit of \d+ timers/, 'timers'],
  [/limit of waits/, 'waits'],
  [/limit of wallMs|limit of wallTimeout/, 'wallMs'],
  [/limit of concurrentRequests/, 'concurrentRequests'],
  [/limit of concurrentUploads/, 'concurrentUploads'],
]

/** The limit that an answer names; undefined where it names none. */
export function limitOf(text: string): string | undefined {
  return NAMED.find(([pattern]) => pattern.test(text))?.[1]
}

/**
 * An answer that harms nobody: one of the app's own, an error of the app's own, or the end of its isolate by a
 * limit or by what it made up.
 */
export function judgeAnswer(app: string, { status, text }: Answer): Outcome {
  if (status === 503) {
    const limit = limitOf(text)
    if (limit !== undefined) return boundedBy(app, limit)
    if (/the host failed at what it asked|isolate was stopped|is not there/.test(text)) return bounded
    return harmful(`503 without a cause: ${text.slice(0, 200)}`)
  }
  if (status === 0) return harmful(`no answer: ${text.slice(0, 200)}`)
  return held
}

/** An attack by code that an app runs; `judge` says what the answer must be. Default: {@link judgeAnswer}. */
export function byCode(
  name: string,
  code: string,
  judge: (app: string, answer: Answer, world: World) => Outcome | Promise<Outcome> = judgeAnswer,
): Attack {
  return {
    name,
    async run(world, app) {
      const answer = await world.code(app, code).catch((error: Error) => {
        // Its own answer, which it may spoil as it likes: what it harmed besides is looked at after it.
        if (/cut off|ECONNRESET|socket hang up/.test(error.message)) return undefined
        throw error
      })
      return answer === undefined ? bounded : judge(app, answer, world)
    },
  }
}

/** Names of attacks that stand in a table, from `[name, value]`. */
export function named<T>(
  prefix: string,
  table: Readonly<Record<string, T>>,
  make: (name: string, value: T) => Attack,
): Attack[] {
  return Object.entries(table).map(([name, value]) => make(`${prefix}: ${name}`, value))
}

/** `held` where it is so. */
export function mustBe(isSo: boolean, why: string): Outcome {
  return isSo ? held : harmful(why)
}
