import { LIMITS } from '../../../core/limits.ts'
import type { QueueIncoming, QueueSettlement } from '../../../core/bindings/drivers.ts'

/**
 * Returns a queue's message for the isolate's code, with its bytes in a buffer of their own: a driver may
 * return a view of a larger buffer.
 */
export function plainMessage({
  id,
  contentType,
  body,
  attempts,
  timestamp,
  lease,
}: QueueIncoming): QueueIncoming {
  return {
    id,
    contentType,
    body: typeof body === 'string' ? body : new Uint8Array(body),
    attempts,
    timestamp,
    lease,
  }
}

/**
 * Checks the settlements that an app's queue handler returned. Returns a settlement for each message of the
 * batch: a message without a settlement is retried. A delay that is invalid or over `maxDelay`, which the
 * guest's own check refuses, becomes 0.
 */
export function checkSettlements(
  data: unknown,
  messages: readonly QueueIncoming[],
  maxDelay: number = LIMITS['queue.delay'],
): QueueSettlement[] {
  const given = new Map<unknown, Record<string, unknown>>()
  if (Array.isArray(data))
    for (const entry of data as unknown[])
      if (typeof entry === 'object' && entry !== null)
        given.set((entry as { lease?: unknown }).lease, entry as Record<string, unknown>)
  return messages.map(({ lease }) => {
    const entry = given.get(lease)
    if (entry?.['outcome'] === 'ack') return { lease, outcome: 'ack' }
    const delay = entry?.['delaySeconds']
    const isDelay = typeof delay === 'number' && Number.isInteger(delay) && delay >= 0 && delay <= maxDelay
    return { lease, outcome: 'retry', delaySeconds: isDelay ? delay : 0 }
  })
}
