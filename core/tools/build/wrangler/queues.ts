import type { QueueDeclaration } from '../../../bindings/declarations.ts'
import { LIMITS } from '../../../limits.ts'
import type { WorkerBinding } from '../../../compat/workers/spec.ts'
import type { DeclarationDraft } from './bindings.ts'
import { eachEntry } from './lists.ts'
import { refuse, type Settings } from './settings.ts'

/**
 * Longest delay of a queue message on Cloudflare, in seconds:
 * https://developers.cloudflare.com/queues/platform/limits/
 */
const MAX_DELAY = 86_400
/**
 * Default number of concurrent batches of a queue. Cloudflare starts with one too, and adds more as messages
 * pile up.
 */
const CONCURRENCY = 1

/**
 * Declares each queue of a wrangler file once, by its name on Cloudflare, however many producers and
 * consumers name it.
 */
export function readQueues(settings: Settings, draft: DeclarationDraft): Record<string, string> {
  const { file } = settings
  const bindings = new Map<string, string>()
  const declare = (queue: string, name: string): string => {
    const known = bindings.get(queue)
    if (known !== undefined) return known
    const binding = draft.names.take(name)
    bindings.set(queue, binding)
    draft.declarations[binding] = {
      kind: 'queue',
      maxRetries: 3,
      retryDelay: 0,
      batchSize: 10,
      batchWait: 5,
      maxConcurrency: 1,
      maxDelay: MAX_DELAY,
    }
    return binding
  }
  const producerKeys = ['binding', 'queue', 'delivery_delay']
  eachEntry(settings, { key: 'queues', sub: 'producers', known: producerKeys }, (producer) => {
    const name = producer.text('binding')
    const deliveryDelay = producer.optionalNumber('delivery_delay', 0, MAX_DELAY)
    draft.bind(name, producer.at, {
      type: 'queue',
      binding: declare(producer.text('queue'), name),
      deliveryDelay,
    } satisfies WorkerBinding)
  })
  const consumers: Record<string, string> = {}
  const keys = [
    'queue',
    'type',
    'max_batch_size',
    'max_batch_timeout',
    'max_retries',
    'dead_letter_queue',
    'max_concurrency',
    'visibility_timeout_ms',
    'retry_delay',
  ]
  eachEntry(settings, { key: 'queues', sub: 'consumers', known: keys }, (consumer) => {
    const queue = consumer.text('queue')
    if ((consumer.optionalText('type') ?? 'worker') !== 'worker')
      refuse(
        file,
        [...consumer.at, 'type'],
        'only "worker" consumers have a handler; a pull consumer runs elsewhere. Remove it here.',
        'Unsupported',
      )
    const binding = declare(queue, queue)
    if (Object.hasOwn(consumers, binding))
      refuse(file, [...consumer.at, 'queue'], `the queue "${queue}" has a consumer already.`)
    consumers[binding] = queue
    const deadLetter = consumer.optionalText('dead_letter_queue')
    const declaration: QueueDeclaration = {
      kind: 'queue',
      maxRetries: consumer.optionalNumber('max_retries', 0, LIMITS['queue.maxRetries']) ?? 3,
      retryDelay: consumer.optionalNumber('retry_delay', 0, MAX_DELAY) ?? 0,
      batchSize: consumer.optionalNumber('max_batch_size', 1, LIMITS['queue.batchSize']) ?? 10,
      batchWait: consumer.optionalNumber('max_batch_timeout', 0, LIMITS['queue.batchWait']) ?? 5,
      maxConcurrency: consumer.optionalNumber('max_concurrency', 1, 250) ?? CONCURRENCY,
      maxDelay: MAX_DELAY,
      ...(deadLetter === undefined ? {} : { deadLetterQueue: declare(deadLetter, deadLetter) }),
    }
    draft.declarations[binding] = declaration
  })
  return consumers
}
