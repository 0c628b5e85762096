/** One message that two consumers receive, with a lease a delivery: `core/bindings/queue-driver.ts`. */
import type { Model, Outcome, Step } from './explorer.ts'

export const LEASE = 2
/** Deliveries after the first. */
export const RETRIES = 1
const CRASHES = 3
const MOST_DELIVERIES = 6

interface Consumer {
  phase: 'down' | 'idle' | 'has' | 'handled'
  /** The delivery that it has: a lease of its own. */
  token: number
}

export interface QueueState {
  place: 'queue' | 'dead' | 'gone'
  holder: number
  /** Ticks until the message can be received. */
  left: number
  attempts: number
  consumers: readonly [Consumer, Consumer]
  nextToken: number
  crashes: number
  handled: boolean
}

/** Ways to do it wrong, each of which the explorer must find. */
export const QUEUE_FAULTS = ['ack before the handler', 'ack without token', 'retry without token', 'dead letter too early', 'a crash loses the message', 'no end of a lease', 'attempts start again'] as const // prettier-ignore
export type QueueFault = (typeof QUEUE_FAULTS)[number]

export function queueModel(wrong?: QueueFault): Model<QueueState> {
  const idle: Consumer = { phase: 'idle', token: 0 }
  return {
    name: `queue${wrong === undefined ? '' : ` (${wrong})`}`,
    start: { place: 'queue', holder: 0, left: 0, attempts: 0, consumers: [idle, idle], nextToken: 1, crashes: 0, handled: false }, // prettier-ignore
    steps: (state) => steps(state, wrong),
    apply: (state, step) => apply(state, step, wrong),
    fault({ place, handled, attempts, nextToken }) {
      if (place === 'gone' && !handled) return 'acknowledged, and never handled'
      if (place === 'dead' && nextToken - 1 < RETRIES + 1) return 'a dead letter with deliveries left'
      if (place === 'queue' && attempts < nextToken - 1) return 'a delivery was not counted'
      return undefined
    },
    faultOfStep(before, [action, index], after) {
      const token = before.consumers[Number(index)]?.token
      const isStale = before.place === 'queue' && token !== before.holder
      const isSettling = action === 'ack' || action === 'retry' || action === 'extend'
      const changed = before.place !== after.place || before.left !== after.left || before.holder !== after.holder
      return isSettling && isStale && changed ? 'a stale token changed a message' : undefined
    },
    succeeded: ({ place }) => place !== 'queue',
  }
} // prettier-ignore

function steps({ place, left, consumers, crashes, nextToken }: QueueState, wrong?: QueueFault): Step[] {
  const found: Step[] = place === 'queue' && left > 0 ? [['tick']] : []
  for (const [index, { phase }] of consumers.entries()) {
    if (phase === 'idle' && nextToken <= MOST_DELIVERIES) found.push(['receive', index])
    if (phase === 'has') found.push(['handle', index], ['retry', index], ['extend', index])
    if (phase === 'handled' || (phase === 'has' && wrong === 'ack before the handler'))
      found.push(['ack', index])
    if ((phase === 'has' || phase === 'handled') && crashes < CRASHES) found.push(['crash', index])
    if (phase === 'down') found.push(['start', index])
  }
  return found
}

function apply(state: QueueState, [action, index]: Step, wrong?: QueueFault): Outcome<QueueState> {
  const at = Number(index)
  const consumer = state.consumers[index === undefined ? 0 : at] as Consumer
  const set = (phase: Consumer['phase'], token = consumer.token): QueueState['consumers'] =>
    state.consumers.map((one, other) => (other === at ? { phase, token } : one)) as never
  const holds = state.place === 'queue' && consumer.token === state.holder
  switch (action) {
    case 'tick':
      return { state: { ...state, left: wrong === 'no end of a lease' ? state.left : state.left - 1 } }
    case 'receive':
      return receive(state, set, wrong)
    case 'handle':
      return { state: { ...state, handled: true, consumers: set('handled') } }
    case 'extend':
      return { state: holds ? { ...state, left: LEASE } : state }
    case 'ack': {
      const removes = holds || (wrong === 'ack without token' && state.place === 'queue')
      return { state: { ...state, place: removes ? 'gone' : state.place, holder: removes ? 0 : state.holder, left: removes ? 0 : state.left, consumers: set('idle', 0) } } // prettier-ignore
    }
    case 'retry': {
      const settled = { ...state, consumers: set('idle', 0) }
      if (!holds && !(wrong === 'retry without token' && state.place === 'queue')) return { state: settled }
      const isLast = state.attempts > RETRIES - (wrong === 'dead letter too early' ? 1 : 0)
      const freed = { ...settled, holder: 0, left: 0 }
      return { state: isLast ? { ...freed, place: 'dead', attempts: 0 } : freed }
    }
    case 'crash':
      return {
        state: {
          ...state,
          crashes: state.crashes + 1,
          consumers: set('down', 0),
          place: wrong === 'a crash loses the message' && holds ? 'gone' : state.place,
        },
      }
    default:
      return { state: { ...state, consumers: set('idle', 0) } }
  }
}

function receive(
  state: QueueState,
  set: (phase: Consumer['phase'], token?: number) => QueueState['consumers'],
  wrong: QueueFault | undefined,
): Outcome<QueueState> {
  if (state.place !== 'queue' || state.left > 0) return { state, answer: null }
  const attempts = wrong === 'attempts start again' && state.holder > 0 ? 1 : state.attempts + 1
  // A message whose last delivery was not settled is moved instead of being delivered for ever.
  if (attempts > RETRIES + 1)
    return { state: { ...state, place: 'dead', attempts: 0, holder: 0 }, answer: null }
  const token = state.nextToken
  const consumers = set('has', token)
  return {
    state: { ...state, attempts, holder: token, left: LEASE, nextToken: token + 1, consumers },
    answer: attempts,
  }
}
