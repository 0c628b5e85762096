import { type Operation, precedes, type Verdict, type Violation } from './operation.ts'
import {
  type Held,
  type Life,
  livesOf,
  type QueueCall,
  type QueueOperation,
  type QueuePromise,
} from './queue-record.ts'

/**
 * Judges a queue whose history ends with a drain: consumers without faults received until nothing was left.
 * Each rule convicts by what the record proves: times are those of the clients, and the interval that a
 * client saw contains the moment at which the backend worked.
 */
export function checkQueue(operations: readonly QueueOperation[], promise: QueuePromise): Verdict {
  const violations: Violation[] = []
  const counts = { sent: 0, deliveries: 0, duplicatesAfterLease: 0, duplicatesAfterAck: 0, dead: 0 }
  const lives = livesOf(operations)
  const lostReceives = operations.filter(
    ({ call, outcome }) => call.do === 'receive' && call.from === 'queue' && outcome.is !== 'ok',
  )
  for (const life of lives.values()) {
    const say = (kind: string, what: string, ...shown: (Operation<QueueCall> | undefined)[]): void =>
      void violations.push({
        kind,
        what,
        subject: life.id,
        operations: shown.flatMap((one) => (one === undefined ? [] : [one.id])),
      })
    if (life.send?.outcome.is === 'ok') counts.sent++
    counts.deliveries += life.held.length
    counts.dead += Math.min(1, life.dead.length)
    judgeArrival(life, promise, say)
    judgeLoss(life, promise, say)
    judgeDeath(life, promise, lostReceives, say)
    judgeNumbers(life, say)
    const { afterLease, afterAck } = judgeDuplicates(life, promise, say)
    counts.duplicatesAfterLease += afterLease
    counts.duplicatesAfterAck += afterAck
  }
  return { violations, undecided: [], counts }
}

type Say = (kind: string, what: string, ...shown: (QueueOperation | undefined)[]) => void

/** Nothing is invented, damaged, or earlier than its delay. */
function judgeArrival(life: Life, { clockError }: QueuePromise, say: Say): void {
  const { send, hash, delaySeconds, held, dead } = life
  for (const one of [...held, ...dead]) {
    if (send === undefined) {
      say('invented', 'A message was delivered that nobody sent.', one.receive)
      continue
    }
    if (send.outcome.is === 'failed')
      say('failed send applied', 'A message was delivered whose send promised no effect.', send, one.receive)
    if (one.delivery.hash !== hash)
      say('damaged', 'A message arrived with another body than it was sent with.', send, one.receive)
    if (one.receive.ended + clockError < send.begun + delaySeconds * 1e6)
      say('early', `A message arrived before its delay of ${delaySeconds} s was over.`, send, one.receive)
  }
  for (const one of held) {
    const retry = one.settled?.retry ?? null
    if (retry === null || one.settled === undefined || !validlySettled(one)) continue
    const { operation } = one.settled
    const next = held.find((other) => other !== one && precedes(operation, other.receive))
    // The retry was in force from its call at the earliest.
    if (next !== undefined && next.receive.ended + clockError < operation.begun + retry * 1e6)
      say('early', `A message arrived before the delay of its retry, ${retry} s.`, operation, next.receive)
  }
}

/** True if a settlement was answered while the lease held for certain. */
function validlySettled({ settled, leasedUntil }: Held): boolean {
  return (
    settled !== undefined && settled.operation.outcome.is === 'ok' && settled.operation.ended < leasedUntil
  )
}

/** What was acknowledged to the producer ends in an acknowledgement of a consumer, or in the dead letters. */
function judgeLoss(life: Life, { maxRetries }: QueuePromise, say: Say): void {
  const { send, held, dead } = life
  if (dead.length > 0) return
  if (held.length === 0) {
    if (send?.outcome.is === 'ok') say('lost', 'A sent message was never delivered.', send)
    return
  }
  // An acknowledgement of a lease that another delivery had replaced is ignored, so it explains no end.
  const explained = held.some(
    ({ settled, receive }) =>
      settled?.retry === null &&
      !held.some((other) => other.receive !== receive && replaced(receive, other.receive, settled.operation)),
  )
  if (explained) return
  const last = held.at(-1) as Held
  if (last.settled !== undefined && last.settled.retry !== null && last.delivery.attempts > maxRetries)
    say(
      'dead letter missing',
      'A message used up its retries and is no dead letter.',
      last.receive,
      last.settled.operation,
    )
  else
    say(
      'lost',
      'A message vanished that no consumer had acknowledged.',
      send,
      last.receive,
      last.settled?.operation,
    )
}

/** True if `later` delivered the message again before the settlement of `earlier`'s lease began. */
function replaced(earlier: QueueOperation, later: QueueOperation, settlement: QueueOperation): boolean {
  return precedes(earlier, later) && precedes(later, settlement)
}

/** Dead letters are exactly the messages whose retries are used up. */
function judgeDeath(
  { held, dead }: Life,
  { maxRetries }: QueuePromise,
  lostReceives: readonly QueueOperation[],
  say: Say,
): void {
  const most = Math.max(0, ...held.map(({ delivery }) => delivery.attempts))
  const tooMany = held.find(({ delivery }) => delivery.attempts > maxRetries + 1)
  if (tooMany !== undefined)
    say(
      'too many deliveries',
      `A message was delivered ${most} times, with ${maxRetries} retries.`,
      tooMany.receive,
    )
  const [death] = dead
  if (death === undefined) return
  const acked = held.find((one) => one.settled?.retry === null && validlySettled(one))
  if (acked !== undefined)
    say(
      'dead after ack',
      'An acknowledged message is a dead letter.',
      acked.settled?.operation,
      death.receive,
    )
  const hidden = hiddenDeliveries(held.at(-1), death, lostReceives)
  if (most + hidden < maxRetries + 1)
    say(
      'dead too early',
      `A message died after ${most} deliveries, with ${maxRetries} retries.`,
      death.receive,
    )
}

/** Deliveries have numbers of their own. */
function judgeNumbers({ held }: Life, say: Say): void {
  const numbers = new Map<number, Held>()
  for (const one of held) {
    const other = numbers.get(one.delivery.attempts)
    if (other !== undefined)
      say(
        'attempts reused',
        `Two deliveries have number ${one.delivery.attempts}.`,
        other.receive,
        one.receive,
      )
    numbers.set(one.delivery.attempts, one)
  }
}

/**
 * The most deliveries that nobody saw before a death: to a consumer that was killed, or whose answer was lost.
 * A delivery holds the message for a lease, so there was none unseen where the death came sooner.
 */
function hiddenDeliveries(
  last: Held | undefined,
  death: Held,
  lostReceives: readonly QueueOperation[],
): number {
  const retry = last?.settled?.retry === null ? undefined : last?.settled?.operation
  const leaseSeconds = last?.receive.call.do === 'receive' ? last.receive.call.leaseSeconds : 0
  if (retry?.outcome.is === 'ok' && death.receive.ended < retry.begun + leaseSeconds * 1e6) return 0
  return lostReceives.filter(({ begun }) => begun < death.receive.ended).length
}

/**
 * True if two deliveries held the message at once for certain. Either of two receives that overlap may have been
 * the first: a suspended process reads its answer long after the delivery.
 */
function overlap(one: Held, other: Held, { clockError }: QueuePromise): boolean {
  const within = (first: Held, second: Held): boolean => second.receive.ended + clockError < first.leasedUntil
  return within(one, other) && (precedes(one.receive, other.receive) || within(other, one))
}

/**
 * A message has one holder at a time, and no delivery after an acknowledgement. A delivery after a lease that
 * may have run out is promised to nobody as the only one, and is counted.
 */
function judgeDuplicates(
  { held }: Life,
  promise: QueuePromise,
  say: Say,
): { afterLease: number; afterAck: number } {
  let afterLease = 0
  let afterAck = 0
  for (const [index, one] of held.entries()) {
    for (const other of held.slice(index + 1)) {
      const { settled } = one
      const answered = settled !== undefined && precedes(settled.operation, other.receive)
      const settledFirst = settled !== undefined && settled.operation.begun <= other.receive.ended
      if (answered && settled.retry === null && validlySettled(one)) {
        afterAck++
        say(
          'delivered after ack',
          'A message was delivered after its acknowledgement.',
          settled.operation,
          other.receive,
        )
      } else if (!settledFirst && overlap(one, other, promise))
        say(
          'two holders',
          'A message was delivered while another delivery held its lease.',
          one.receive,
          other.receive,
        )
      else if (settled?.retry === undefined || settled.retry === null) afterLease++
    }
  }
  return { afterLease, afterAck }
}
