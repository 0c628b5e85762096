/** Two data transfers that want to write into one store: `core/tools/data/claim.ts`, `claims.ts`. */
import type { Model, Outcome, Step } from './explorer.ts'

export const LEASE = 2
const TAKES = 5

interface Writer {
  /** `asked`: the store has its claim, and its answer has not arrived yet. */
  phase: 'idle' | 'asked' | 'writing' | 'ended' | 'gone'
  /** Ticks for which it trusts its claim. */
  trusts: number
}

export interface ClaimState {
  /** The row of the store: the owner (-1 for none) and the ticks that its claim lasts. */
  owner: number
  left: number
  writers: readonly [Writer, Writer]
  takes: number
  wrote: boolean
}

/** Ways to do it wrong, each of which the explorer must find. */
export const CLAIM_FAULTS = ['take without compare', 'release without owner', 'trusts from the answer on', 'writes without looking', 'no end of a claim'] as const // prettier-ignore
export type ClaimFault = (typeof CLAIM_FAULTS)[number]

export function claimModel(wrong?: ClaimFault): Model<ClaimState> {
  const writer: Writer = { phase: 'idle', trusts: 0 }
  return {
    name: `data claims${wrong === undefined ? '' : ` (${wrong})`}`,
    start: { owner: -1, left: 0, writers: [writer, writer], takes: 0, wrote: false },
    steps,
    apply: (state, step) => apply(state, step, wrong),
    fault: ({ writers }) =>
      writers.every(({ phase, trusts }) => phase === 'writing' && trusts > 0)
        ? 'two transfers write at once'
        : undefined,
    faultOfStep(before, [action, index], after) {
      if (action === 'write' && before.owner !== index) return 'a transfer wrote without its claim'
      const isOther = action === 'release' && before.owner !== index && before.left > 0
      return isOther && after.owner !== before.owner ? 'a transfer released the claim of another' : undefined
    },
    succeeded: ({ wrote }) => wrote,
  }
}

function steps({ writers, left, takes, wrote }: ClaimState): Step[] {
  const found: Step[] = left > 0 ? [['tick']] : []
  for (const [index, { phase, trusts }] of writers.entries()) {
    if (phase === 'idle' && (takes < TAKES || !wrote)) found.push(['take', index])
    if (phase === 'asked') found.push(['answered', index])
    if (phase === 'writing' && trusts > 0) found.push(['write', index], ['renew', index])
    // A transfer whose claim ran out by its own clock writes no more.
    if (phase === 'writing' || phase === 'asked') found.push(['crash', index], ['release', index])
    // One of the two may never come back.
    if ((phase === 'writing' || phase === 'asked') && writers.every((one) => one.phase !== 'gone'))
      found.push(['leave', index])
    if (phase === 'ended') found.push(['again', index])
  }
  return found
}

function apply(state: ClaimState, [action, index]: Step, wrong?: ClaimFault): Outcome<ClaimState> {
  const at = index === undefined ? 0 : Number(index)
  const own = state.writers[at] as Writer
  const set = (change: Partial<Writer>): ClaimState['writers'] =>
    state.writers.map((one, other) => (other === at ? { ...one, ...change } : one)) as never
  const takes = Math.min(TAKES, state.takes + 1)
  const mayTake = state.owner === at || state.left === 0 || wrong === 'take without compare'
  switch (action) {
    case 'tick': {
      const stays = wrong === 'writes without looking'
      const writers = state.writers.map((one) => ({
        ...one,
        // Its own clock does not run out while it waits for an answer, if it begins to count at the answer.
        trusts: stays || (wrong === 'trusts from the answer on' && one.phase === 'asked') ? one.trusts : Math.max(0, one.trusts - 1),
      })) as never
      return { state: { ...state, left: wrong === 'no end of a claim' ? state.left : state.left - 1, writers } }
    } // prettier-ignore
    case 'take':
      if (!mayTake) return { state: { ...state, takes }, answer: state.owner }
      return {
        state: { ...state, takes, owner: at, left: LEASE, writers: set({ phase: 'asked', trusts: LEASE }) },
        answer: null,
      }
    case 'answered':
      return { state: { ...state, writers: set({ phase: own.trusts > 0 ? 'writing' : 'ended' }) } }
    case 'renew':
      return mayTake
        ? { state: { ...state, owner: at, left: LEASE, writers: set({ trusts: LEASE }) }, answer: null }
        : { state: { ...state, writers: set({ phase: 'ended', trusts: 0 }) }, answer: state.owner }
    case 'write':
      return { state: { ...state, wrote: true } }
    case 'release': {
      const removes = state.owner === at || wrong === 'release without owner'
      const freed = removes ? { ...state, owner: -1, left: 0 } : state
      return { state: { ...freed, writers: set({ phase: 'ended', trusts: 0 }) } }
    }
    case 'leave':
      return { state: { ...state, writers: set({ phase: 'gone', trusts: 0 }) } }
    case 'crash':
      return { state: { ...state, writers: set({ phase: 'ended', trusts: 0 }) } }
    default:
      return { state: { ...state, writers: set({ phase: 'idle', trusts: 0 }) } }
  }
}
