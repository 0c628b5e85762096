import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkQueue } from '../histories/checkers/queue.ts'
import type { Delivery } from '../histories/checkers/queue-record.ts'
import { type QueueFault, QueueModel } from './histories-queue-model.ts'

fc.configureGlobal({ seed: 1 })

const FAULTS: readonly (readonly [fault: QueueFault, kinds: readonly string[]])[] = [
  ['loses a message', ['lost']],
  ['damages a body', ['damaged']],
  ['ignores a delay', ['early']],
  ['ignores the delay of a retry', ['early']],
  ['ignores an ack', ['delivered after ack', 'dead after ack']],
  ['ignores leases', ['two holders']],
  ['ignores renewals', ['two holders']],
  ['resets attempts', ['attempts reused']],
  ['dies early', ['dead too early']],
  ['never dies', ['too many deliveries']],
  ['drops the dead', ['lost', 'dead letter missing']],
  ['removes by a stale lease', ['lost']],
]

/** One thing that a client does; `crash` leaves a delivery alone until its lease is over. */
const step = fc.record({
  does: fc.constantFrom('send', 'send', 'ack', 'retry', 'retry', 'crash', 'extend', 'late', 'blind', 'twice'),
  delay: fc.constantFrom(0, 0, 3),
  fate: fc.constantFrom('ok', 'ok', 'ok', 'failed', 'unknown', 'applied'),
})
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never

function run(steps: readonly Step[], fault?: QueueFault): QueueModel {
  const model = new QueueModel(fault)
  for (const { does, delay, fate } of steps) {
    if (does === 'send') {
      model.send(delay, fate)
      continue
    }
    if (does === 'blind') {
      model.receive('queue', 'applied')
      continue
    }
    const held = model.receive('queue')
    if (held === undefined) continue
    use(model, held, does, delay)
  }
  drain(model)
  return model
}

function use(model: QueueModel, held: Delivery, does: Step['does'], delay: number): void {
  if (does === 'ack') model.settle('queue', held, null)
  else if (does === 'retry') model.settle('queue', held, delay)
  else if (does === 'crash') model.wait(delay === 0 ? 1 : 20)
  else if (does === 'extend') {
    model.wait(8)
    model.extend(held)
    model.wait(5)
    // Another consumer looks while the renewed lease holds.
    const other = model.receive('queue')
    model.settle('queue', held, null)
    if (other !== undefined) model.settle('queue', other, null)
  } else if (does === 'late') {
    model.wait(12)
    const other = model.receive('queue')
    model.settle('queue', held, null)
    if (other !== undefined) model.settle('queue', other, 0)
  } else {
    const other = model.receive('queue')
    model.settle('queue', held, null, 'applied')
    if (other !== undefined) model.settle('queue', other, null)
  }
}

/** Consumers without faults receive until nothing is left. */
function drain(model: QueueModel): void {
  for (let round = 0; model.left > 0 && round < 500; round++) {
    for (const from of ['queue', 'dead'] as const) {
      const held = model.receive(from)
      if (held !== undefined) model.settle(from, held, from === 'queue' && round % 3 === 0 ? 0 : null)
    }
    model.wait(2)
  }
}

const kinds = (model: QueueModel): string[] =>
  checkQueue(model.operations, model.promise).violations.map(({ kind }) => kind)

describe('checker of queues', () => {
  it('acquits every history of a correct queue', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        expect(checkQueue(run(steps).operations, run(steps).promise).violations).toEqual([])
      }),
    )
  })

  it.each(FAULTS)('convicts a queue that %s, by the name of what it breaks', (fault, names) => {
    let convicted = 0
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
        const found = kinds(run(steps, fault))
        if (found.some((kind) => names.includes(kind))) convicted++
      }),
      { seed: 1, numRuns: 100 },
    )
    // A fault that few histories can show is convicted by few.
    expect(convicted).toBeGreaterThan(10)
  })

  it('convicts messages that nobody sent, and counts duplicates after a lease apart', () => {
    const model = new QueueModel()
    model.send(0, 'ok')
    const first = model.receive('queue') as Delivery
    model.wait(11)
    const second = model.receive('queue') as Delivery
    model.settle('queue', first, null)
    model.settle('queue', second, null)
    expect(checkQueue(model.operations, model.promise)).toMatchObject({
      violations: [],
      counts: { sent: 1, deliveries: 2, duplicatesAfterLease: 1, duplicatesAfterAck: 0 },
    })
    expect(checkQueue(model.operations.slice(1), model.promise).violations[0]).toMatchObject({
      kind: 'invented',
    })
  })

  it('convicts deliveries after an ack, and counts them', () => {
    const model = new QueueModel('ignores an ack')
    model.send(0, 'ok')
    model.settle('queue', model.receive('queue') as Delivery, null)
    model.wait(11)
    model.receive('queue')
    expect(kinds(model)).toContain('delivered after ack')
    expect(checkQueue(model.operations, model.promise).counts).toMatchObject({ duplicatesAfterAck: 1 })
  })
})
