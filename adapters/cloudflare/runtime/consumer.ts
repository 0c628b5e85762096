import type { QueueDeclaration } from '../../../core/bindings/declarations.ts'
import type { QueueIncoming } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { Runtime } from '../../../core/runtime/runtime.ts'
import type { WorkerContext } from './context.ts'
import type { NativeBatch, NativeMessage } from './native.ts'
import { fromNative } from './queue.ts'
import type { QueueTracker } from './queue-tracker.ts'

/**
 * Passes a delivered batch of queue messages to the app's handler and settles each message individually. An
 * error of the handler is not rethrown: some runtimes (Miniflare) would then redeliver messages that were
 * already acked.
 */
export async function runBatch(
  runtime: Runtime,
  batch: NativeBatch,
  names: Readonly<Record<string, string>>,
  ctx: WorkerContext,
  tracker?: QueueTracker,
): Promise<void> {
  const binding = names[batch.queue]
  if (binding === undefined) {
    throw new UnmoorError(
      'NotFound',
      `This app consumes no queue named "${batch.queue}" on the platform. It consumes: ` +
        `${Object.keys(names).join(', ')}.`,
      {
        operation: 'queue',
      },
    )
  }
  const { maxRetries, deadLetterQueue } = runtime.app.bindings[binding] as QueueDeclaration
  const incoming = batch.messages.map((message, index) => fromNative(message, String(index)))
  for (const { id } of incoming) tracker?.delivered(binding, id)
  const { settlements } = await runtime.queue(binding, incoming, ctx)
  settlements.forEach((settlement, index) => {
    const message = batch.messages[index] as NativeMessage
    const { id, attempts } = incoming[index] as QueueIncoming
    if (settlement.outcome === 'ack') {
      message.ack()
      tracker?.acked(binding, id)
      return
    }
    if (deadLetterQueue === undefined && attempts > maxRetries)
      console.error(`queue ${binding}: message ${id} has no retries left and is dropped.`)
    message.retry({ delaySeconds: settlement.delaySeconds })
    tracker?.retried(runtime.app, binding, id, attempts, settlement.delaySeconds)
  })
  ctx.answered()
}
