import type { DriverOf } from '../../../bindings/drivers.ts'

/** Kinds of bindings whose drivers have conformance cases. */
export type DriverKind = keyof DriverOf

/** A conformance case of drivers: a contract that every driver of a kind fulfils. */
export interface DriverCase {
  /** Id of a driver's conformance case, such as `kv-d06`. Numbers are never reused. */
  readonly id: string
  readonly kind: DriverKind
  /** The contract that the driver's conformance case checks, in one sentence. */
  readonly contract: string
  /** Seconds after which the driver's conformance case times out. Default: 30. */
  readonly seconds?: number
  /** True if the driver's case only tests a large amount: `npm test` leaves it to `npm run test:slow`. */
  readonly load?: true
  /** Reason why the driver's case cannot run on this backend; undefined if it can. */
  readonly skipped?: string
  /**
   * Runs the driver's case on a fresh harness and rejects with its failure. If the driver lacks the optional
   * feature that the case tests, it resolves to the reason.
   */
  readonly run: () => Promise<string | undefined>
}

type Work = () => Promise<void> | void
/**
 * Body of a driver's conformance case. It returns a reason if the driver lacks the optional feature that the
 * case tests.
 */
type CaseWork = () => Promise<string | void> | string | void
type Settings = { timeout?: number; load?: boolean }

/** Adds a case to the list of a driver's conformance cases; its title begins with its id. */
export interface DefineCase {
  (title: string, work: CaseWork): void
  (title: string, settings: Settings, work: CaseWork): void
}

/**
 * Collects the conformance cases of a kind of driver. Each case runs between `before` and `after`, so that it
 * has its own data.
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
