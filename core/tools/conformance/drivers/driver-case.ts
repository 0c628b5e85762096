import type { DriverOf } from '../../../bindings/drivers.ts'

/** Kinds of bindings whose drivers have cases. */
export type DriverKind = keyof DriverOf

/** One thing that every driver of a kind does. */
export interface DriverCase {
  /** `kv-d06`. Numbers are never reused. */
  readonly id: string
  readonly kind: DriverKind
  /** What holds, in one sentence. */
  readonly contract: string
  /** Time-out, where it needs one of its own. Default: 30. */
  readonly seconds?: number
  /** True if it is only about a large amount: `npm test` leaves it to `npm run test:slow`. */
  readonly load?: true
  /** Why this backend cannot be asked, where it cannot. */
  readonly skipped?: string
  /**
   * Runs it on a fresh harness; rejects with what went wrong, and returns the reason where the driver lacks
   * what it is about, which is optional.
   */
  readonly run: () => Promise<string | undefined>
}

type Work = () => Promise<void> | void
/** Returns a reason where the driver lacks what the case is about. */
type CaseWork = () => Promise<string | void> | string | void
type Settings = { timeout?: number; load?: boolean }

/** Adds a case; its title begins with its id. */
export interface DefineCase {
  (title: string, work: CaseWork): void
  (title: string, settings: Settings, work: CaseWork): void
}

/**
 * The cases of a kind, defined one by one. Each runs between `before` and `after`, so that it has data of its
 * own.
 */
export function defineCases(
  kind: DriverKind,
  before: Work,
  after: Work,
): { cases: DriverCase[]; it: DefineCase; skip: (reason: string) => DefineCase } {
  const cases: DriverCase[] = []
  const define = (skipped: string | undefined): DefineCase => {
    return (title: string, first: Settings | CaseWork, second?: CaseWork): void => {
      const [settings, work] = typeof first === 'function' ? [{}, first] : [first, second as CaseWork]
      const [id, ...words] = title.split(' ')
      const run = async (): Promise<string | undefined> => {
        await before()
        try {
          return (await work()) ?? undefined
        } finally {
          await after()
        }
      }
      cases.push({
        id: id as string,
        kind,
        contract: words.join(' '),
        run,
        ...(settings.timeout === undefined ? {} : { seconds: settings.timeout / 1000 }),
        ...(settings.load === true ? { load: true } : {}),
        ...(skipped === undefined ? {} : { skipped }),
      })
    }
  }
  return { cases, it: define(undefined), skip: define }
}
