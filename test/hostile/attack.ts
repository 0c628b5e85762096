import type { HostConfig } from '../../adapters/isolate/host/index.ts'
import type { Cast } from './cast.ts'
import type { World } from './world.ts'

/**
 * How an attack ended. `held`: nothing came of it. `bounded`: it cost what a named limit allows, or the
 * attacker's own isolate. `harmful`: anything else.
 */
export type Outcome =
  | { readonly result: 'held' }
  | {
      readonly result: 'bounded'
      /** The limit that the host must have counted for this app. */
      readonly by?: { readonly app: string; readonly limit: string }
    }
  | { readonly result: 'harmful'; readonly why: string }

export const held: Outcome = { result: 'held' }
export const bounded: Outcome = { result: 'bounded' }
export function boundedBy(app: string, limit: string): Outcome {
  return { result: 'bounded', by: { app, limit } }
}
/** The same attacks, each of which may end the shared process once. */
export function endingOnce(ends: 'maybe' | 'always', attacks: readonly Attack[]): Attack[] {
  return attacks.map((attack) => ({ ...attack, endsProcess: ends }))
}
export function harmful(why: string): Outcome {
  return { result: 'harmful', why }
}

/** One attack. */
export interface Attack {
  /** Unique in its class; says what is tried. */
  readonly name: string
  /** `app` is a tenant of the class that is this attack's to use. */
  run(world: World, app: string): Promise<Outcome>
  /**
   * Nothing can stop it, so that it may end the shared process once for each name of an app: the app must be
   * kept apart by name after that, and a second try must find it so. `always` where it must end one. It is
   * tried alone, by an app of its own. Default: it may end none.
   */
  readonly endsProcess?: 'maybe' | 'always'
  /** What is not built yet that it would be held by; it is not tried. Default: all is there. */
  readonly notYet?: string
}

/** A change of the built package. */
export interface Patch {
  /** What the fault is. */
  readonly is: string
  /** Module of the package, such as `adapters/isolate/services/streams.js`. */
  readonly file: string
  /** Text of that module, which must be there exactly once, and what takes its place. */
  readonly from: string
  readonly to: string
  /** A second place in the module, the same way. */
  readonly also?: readonly [from: string, to: string]
}

/** A fault that is put into a copy of the package, so that the judge of a class can be seen to convict it. */
export interface Hole extends Patch {
  /** Names of attacks that are tried against the copy. At least one of them must come out as harmful. */
  readonly attacks: readonly string[]
  /** What the judge must say of one of them: another fault is no conviction. */
  readonly why: RegExp
  /**
   * True if it may harm more than its class, so that no other hole is in its copy. Default: it shares one with
   * the holes of other classes.
   */
  readonly alone?: boolean
}

/** All holes of a class. */
export function holesOf({ hole, moreHoles = [] }: Pick<AttackClass, 'hole' | 'moreHoles'>): readonly Hole[] {
  return [hole, ...moreHoles]
}

/** A class of attacks, by the promise that it holds. */
export interface AttackClass extends Cast {
  /** The promise, in one sentence. */
  readonly promise: string
  readonly attacks: readonly Attack[]
  readonly hole: Hole
  /** Holes of a second judge of the class, such as that of attacks that may end a process. Default: none. */
  readonly moreHoles?: readonly Hole[]
  /** Attacks at once. Default: 6. */
  readonly parallel?: number
  /** The host that it needs; classes with the same function share it. Default: the one of all others. */
  readonly host?: () => Promise<Partial<HostConfig>>
  /** What is done once before the first attack. */
  prepare?(world: World): Promise<void>
  /** What this machine lacks for the class; undefined where it can be tried. */
  lacks?(): Promise<string | undefined>
}
