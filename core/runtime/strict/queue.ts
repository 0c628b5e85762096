import type { QueueDriver, QueueIncoming } from '../../bindings/drivers.ts'
import { LIMITS } from '../../limits.ts'
import { type Random, shuffled } from './random.ts'

/** Fraction of queue messages that a strict build delivers twice. */
const DUPLICATES = 1 / 6
/** Maximum seconds by which a strict build delays the delivery of a queue message. */
const WAIT = 2
const COPY = 'strict-copy:'

/**
 * Wraps a queue driver for strict builds so that it delivers some messages twice, out of order, and later
 * than it could.
 */
export function harshQueue(driver: QueueDriver, random: Random): QueueDriver {
  const receive = driver.receive?.bind(driver)
  const settle = driver.settle?.bind(driver)
  const extend = driver.extend?.bind(driver)
  const depth = driver.depth?.bind(driver)
  /**
   * Second deliveries of queue messages that wait or are being handled. The backend does not know of them.
   */
  let copies: QueueIncoming[] = []
  const leased = new Set<string>()
  let number = 0
  const isOwn = (lease: string): boolean => !lease.startsWith(COPY)

  return {
    send: (messages) =>
      driver.send(
        messages.map((message) => ({
          ...message,
          delaySeconds: Math.min(
            LIMITS['queue.delay'],
            message.delaySeconds + Math.floor(random() * (WAIT + 1)),
          ),
        })),
      ),
    ...(receive === undefined
      ? {}
      : {
          async receive(options) {
            const again = copies.splice(0, Math.min(copies.length, options.max))
            for (const { lease } of again) leased.add(lease)
            if (again.length === options.max) return again
            const fresh = await receive({
              ...options,
              max: options.max - again.length,
              waitSeconds: again.length > 0 ? 0 : options.waitSeconds,
            })
            const twice = fresh.filter(() => random() < DUPLICATES)
            copies = copies.concat(twice.map((message) => ({ ...message, lease: `${COPY}${++number}` })))
            return shuffled([...again, ...fresh], random)
          },
        }),
    ...(settle === undefined
      ? {}
      : {
          settle(settlements) {
            for (const { lease } of settlements) leased.delete(lease)
            const own = settlements.filter(({ lease }) => isOwn(lease))
            return own.length === 0 ? Promise.resolve({ dropped: [] }) : settle(own)
          },
        }),
    ...(extend === undefined
      ? {}
      : {
          async extend(leases, seconds) {
            const own = leases.filter(isOwn)
            if (own.length > 0) await extend(own, seconds)
          },
        }),
    ...(depth === undefined
      ? {}
      : {
          async depth() {
            const counts = await depth()
            return { ...counts, ready: counts.ready + copies.length, leased: counts.leased + leased.size }
          },
        }),
    ...operations(driver, () => (copies = [])),
    close: () => driver.close?.(),
  } satisfies QueueDriver
}

/**
 * Passes on what operators do. Second deliveries that wait exist in this process alone, so `peek` does not
 * show them; a purge forgets them.
 */
function operations(
  driver: QueueDriver,
  forget: () => void,
): Pick<QueueDriver, 'age' | 'peek' | 'replay' | 'purge'> {
  const purge = driver.purge?.bind(driver)
  return {
    ...(driver.age === undefined ? {} : { age: driver.age.bind(driver) }),
    ...(driver.peek === undefined ? {} : { peek: driver.peek.bind(driver) }),
    ...(driver.replay === undefined ? {} : { replay: driver.replay.bind(driver) }),
    ...(purge === undefined
      ? {}
      : {
          purge() {
            forget()
            return purge()
          },
        }),
  }
}
