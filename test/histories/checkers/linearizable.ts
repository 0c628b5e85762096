/**
 * Linearizability of one object by the search of Wing and Gong with the memo of Lowe ("Testing for
 * linearizability", 2017): an operation takes effect at one moment between its call and its answer, and the
 * search looks for an order of these moments that a sequential model allows.
 */

/** An operation of which the search knows only its times. */
export interface Interval {
  readonly begun: number
  /** Infinity for an unknown outcome: it may take effect at any time after its call, or never. */
  readonly ended: number
}

/** A sequential object. States are compared by identity, so they are primitive values. */
export interface Model<Op extends Interval, State extends string | number | null> {
  readonly initial: State
  /** Returns the state after `op`; undefined if `op` cannot have had its outcome in `state`. */
  step(state: State, op: Op): State | undefined
}

export type Linearizability<Op> =
  | { readonly is: 'linearizable' }
  | { readonly is: 'undecided' }
  /** `stuck` are operations that no order of the longest explained prefix can be followed by. */
  | { readonly is: 'violation'; readonly explained: number; readonly stuck: readonly Op[] }

/** States that one search visits before it gives up. */
const MOST_STATES = 200_000

/** An event in the list of those that are not explained yet. */
interface Event {
  readonly op: number
  readonly isCall: boolean
  previous: Event | undefined
  next: Event | undefined
  /** The answer that belongs to a call; undefined if there is none. */
  answer: Event | undefined
}

/** Judges the operations of one object; gives up after `mostStates` visited states. */
export function linearize<Op extends Interval, State extends string | number | null>(
  operations: readonly Op[],
  model: Model<Op, State>,
  mostStates = MOST_STATES,
): Linearizability<Op> {
  const head = eventList(operations)
  // An operation without an answer need not take effect.
  let left = operations.filter(({ ended }) => ended !== Infinity).length
  const explained = new Uint16Array(Math.ceil(operations.length / 16))
  const seen = new Set<string>()
  const stack: { call: Event; state: State }[] = []
  let state = model.initial
  let best: { explained: number; stuck: readonly Op[] } = { explained: -1, stuck: [] }
  let at = head.next
  while (left > 0) {
    if (at?.isCall === true) {
      const op = operations[at.op] as Op
      const next = model.step(state, op)
      if (next !== undefined && isNew(seen, explained, at.op, next)) {
        if (seen.size > mostStates) return { is: 'undecided' }
        stack.push({ call: at, state })
        state = next
        flip(explained, at.op)
        lift(at)
        if (op.ended !== Infinity) left--
        at = head.next
        continue
      }
      at = at.next
      if (at !== undefined) continue
    }
    // An answer of an operation that is not explained yet: nothing that began later may come before it.
    if (stack.length > best.explained) best = { explained: stack.length, stuck: stuckAt(operations, head) }
    const last = stack.pop()
    if (last === undefined) return { is: 'violation', ...best }
    state = last.state
    flip(explained, last.call.op)
    unlift(last.call)
    if ((operations[last.call.op] as Op).ended !== Infinity) left++
    at = last.call.next
  }
  return { is: 'linearizable' }
}

function eventList(operations: readonly Interval[]): Event {
  const head: Event = { op: -1, isCall: false, previous: undefined, next: undefined, answer: undefined }
  const timed: { time: number; event: Event }[] = []
  operations.forEach(({ begun, ended }, op) => {
    const event = (isCall: boolean, answer?: Event): Event => ({
      op,
      isCall,
      previous: undefined,
      next: undefined,
      answer,
    })
    const answer = ended === Infinity ? undefined : event(false)
    timed.push({ time: begun, event: event(true, answer) })
    if (answer !== undefined) timed.push({ time: ended, event: answer })
  })
  // At the same time, calls come first: such operations overlap.
  timed.sort((a, b) => a.time - b.time || Number(b.event.isCall) - Number(a.event.isCall))
  let last = head
  for (const { event } of timed) {
    last.next = event
    event.previous = last
    last = event
  }
  return head
}

function lift(call: Event): void {
  for (const event of [call, call.answer]) {
    if (event?.previous === undefined) continue
    event.previous.next = event.next
    if (event.next !== undefined) event.next.previous = event.previous
  }
}

function unlift(call: Event): void {
  for (const event of [call.answer, call]) {
    if (event?.previous === undefined) continue
    event.previous.next = event
    if (event.next !== undefined) event.next.previous = event
  }
}

function flip(set: Uint16Array, index: number): void {
  set[index >> 4] = (set[index >> 4] as number) ^ (1 << (index & 15))
}

function isNew(
  seen: Set<string>,
  explained: Uint16Array,
  op: number,
  state: string | number | null,
): boolean {
  flip(explained, op)
  const key = `${String.fromCharCode(...explained)}${typeof state}:${state}`
  flip(explained, op)
  if (seen.has(key)) return false
  seen.add(key)
  return true
}

/** The operations that may come next: those that began before the first answer that is left. */
function stuckAt<Op>(operations: readonly Op[], head: Event): Op[] {
  const found: Op[] = []
  for (let at = head.next; at?.isCall === true; at = at.next) found.push(operations[at.op] as Op)
  return found
}
