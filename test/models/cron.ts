/** One time of a cron that two replicas claim: `core/runtime/cron-store.ts`, `cron-run.ts`. */
import type { Model, Outcome, Step } from './explorer.ts'

/** Ticks that a lease lasts. A replica that makes no step while the clock ticks is one that stands still. */
export const LEASE = 2
const CRASHES = 2
const MOST_TOKENS = 4

interface Replica {
  phase: 'down' | 'idle' | 'claimed' | 'ran' | 'over'
  /** Its lease, which each claim makes anew. */
  token: number
}

export interface CronState {
  /** The row of the store: holder of the lease (0 for none), ticks left, holders so far, done. */
  holder: number
  left: number
  attempt: number
  done: boolean
  replicas: readonly [Replica, Replica]
  nextToken: number
  crashes: number
  /** True once the handler has ended in a replica. */
  ran: boolean
}

/** Ways to do it wrong, each of which the explorer must find. */
export const CRON_FAULTS = ['finish first', 'claim without compare', 'extend without token', 'done is forgotten', 'no end of a lease'] as const // prettier-ignore
export type CronFault = (typeof CRON_FAULTS)[number]

/** A model of claims; with a `wrong` way to do them. */
export function cronModel(wrong?: CronFault): Model<CronState> {
  const start: CronState = {
    holder: 0,
    left: 0,
    attempt: 0,
    done: false,
    replicas: [
      { phase: 'idle', token: 0 },
      { phase: 'idle', token: 0 },
    ],
    nextToken: 1,
    crashes: 0,
    ran: false,
  }
  return {
    name: `cron${wrong === undefined ? '' : ` (${wrong})`}`,
    start,
    steps,
    apply: (state, step) => apply(state, step, wrong),
    fault({ done, ran, replicas, holder, left }) {
      if (done && !ran) return 'done, and never ran'
      const working = replicas.filter(
        ({ phase, token }) => phase === 'claimed' && token === holder && left > 0,
      )
      return working.length > 1 ? 'two replicas hold the lease' : undefined
    },
    faultOfStep(before, [action, index], after) {
      const replica = before.replicas[Number(index)]
      if (action === 'extend' && replica?.token !== before.holder && after.left !== before.left)
        return 'a stale token changed a lease'
      if (action === 'claim' && before.done && after.replicas[Number(index)]?.phase === 'claimed')
        return 'claimed after it was done'
      if (action === 'claim' && before.left > 0 && after.holder !== before.holder)
        return 'claimed while another holds the lease'
      return undefined
    },
    succeeded: ({ done, ran }) => done && ran,
  }
}

function steps({ replicas, left, crashes, nextToken, done }: CronState): Step[] {
  const found: Step[] = left > 0 ? [['tick']] : []
  for (const [index, { phase }] of replicas.entries()) {
    if (phase === 'idle' && (nextToken <= MOST_TOKENS || done)) found.push(['claim', index])
    if (phase === 'claimed') found.push(['extend', index], ['run', index])
    if (phase === 'claimed' || phase === 'ran') found.push(['finish', index])
    if (phase === 'ran') found.push(['extend', index])
    if ((phase === 'claimed' || phase === 'ran') && crashes < CRASHES) found.push(['crash', index])
    if (phase === 'down') found.push(['start', index])
  }
  // Only the wrong way finishes what has not run.
  return found.filter(([action, index]) => action !== 'finish' || replicas[Number(index)]?.phase === 'ran')
}

function apply(state: CronState, [action, index]: Step, wrong?: CronFault): Outcome<CronState> {
  const at = Number(index)
  const replica = state.replicas[at] as Replica
  const set = (change: Partial<Replica>): CronState['replicas'] =>
    state.replicas.map((one, other) => (other === at ? { ...one, ...change } : one)) as never
  switch (action) {
    case 'tick':
      return { state: { ...state, left: wrong === 'no end of a lease' ? state.left : state.left - 1 } }
    case 'claim': {
      const token = state.nextToken
      if (state.done && wrong !== 'done is forgotten')
        return { state: { ...state, replicas: set({ phase: 'over' }) }, answer: { state: 'done' } }
      if (state.left > 0 && wrong !== 'claim without compare')
        return { state, answer: { state: 'taken', seconds: state.left } }
      const attempt = state.attempt + 1
      const claimed = { ...state, holder: token, left: LEASE, attempt, nextToken: token + 1 }
      const done = wrong === 'finish first' ? true : state.done
      return {
        state: { ...claimed, done, replicas: set({ phase: 'claimed', token }) },
        answer: { state: 'claimed', attempt },
      }
    }
    case 'extend': {
      const holds = (replica.token === state.holder || wrong === 'extend without token') && !state.done
      return { state: holds ? { ...state, left: LEASE } : state, answer: holds }
    }
    case 'run':
      return { state: { ...state, ran: true, replicas: set({ phase: 'ran' }) } }
    case 'finish':
      return { state: { ...state, done: true, replicas: set({ phase: 'over' }) } }
    case 'crash':
      return { state: { ...state, crashes: state.crashes + 1, replicas: set({ phase: 'down', token: 0 }) } }
    default:
      return { state: { ...state, replicas: set({ phase: 'idle' }) } }
  }
}
