import { setTimeout as sleep } from 'node:timers/promises'
import { MessageChannel } from 'node:worker_threads'
import { expect, it } from 'vitest'
import { monotonicMs } from '../../adapters/isolate/host/monotonic.ts'
import { Lease } from '../../adapters/isolate/host/worker/lease.ts'

const HOUR = 3_600_000

/** A lease that ends while this thread is at work. */
async function passWhileBusy(meanwhile: (lease: Lease) => void): Promise<{ lease: Lease; ended: number }> {
  let ended = 0
  const lease = new Lease(() => void ended++)
  const until = monotonicMs() + 20
  lease.renew(until)
  meanwhile(lease)
  while (monotonicMs() <= until);
  await sleep(100)
  return { lease, ended }
}

it('a renewal that arrives while the thread of a process is at work keeps the process', async () => {
  const { port1, port2 } = new MessageChannel()
  const { lease, ended } = await passWhileBusy((lease) => {
    port2.once('message', () => lease.renew(monotonicMs() + HOUR))
    port1.postMessage('renewed')
  })
  port1.close()
  expect([ended, lease.isOver]).toEqual([0, false])
  lease.check()
  lease.renew(monotonicMs() - 1)
})

it('a lease that nobody renews ends once, and nothing may be stored from then on', async () => {
  const { lease, ended } = await passWhileBusy(() => {})
  expect([ended, lease.isOver]).toEqual([1, true])
  expect(() => lease.check()).toThrow("This host's lease of the app's objects has run out.")
})
