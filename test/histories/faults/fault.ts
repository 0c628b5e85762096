/** Faults of a plan, and the evidence that each leaves. */

/**
 * A fault that a plan has. The steps of a plan are divided into one phase more than there are faults. A fault
 * begins once `at` percent of its phase's steps have begun, and the next phase begins when the fault is over,
 * so that a slow machine has it at the same place, and no fault meets clients that are done. Faults of the way to a server: `cut` breaks the connections and refuses new ones,
 * `half-open` swallows all data, `delay` holds data back, and `lost-answer` drops answers that the server
 * gave.
 */
export type Fault =
  | { readonly kind: 'kill'; readonly at: number; readonly process: number }
  | { readonly kind: 'pause'; readonly at: number; readonly process: number; readonly seconds: number }
  | { readonly kind: 'server-kill'; readonly at: number }
  | { readonly kind: 'server-pause'; readonly at: number; readonly seconds: number }
  | { readonly kind: 'cut'; readonly at: number; readonly seconds: number }
  | { readonly kind: 'half-open'; readonly at: number; readonly seconds: number }
  | { readonly kind: 'delay'; readonly at: number; readonly seconds: number }
  | { readonly kind: 'lost-answer'; readonly at: number; readonly answers: number }

export type FaultKind = Fault['kind']

/** A fault as it was done. `evidence` says what it hit, and is empty if it hit nothing. */
export interface FaultRecord {
  readonly fault: Fault
  readonly begun: number
  readonly ended: number
  readonly evidence: string
}
