import { startLocalAws } from '../../../../adapters/lambda/local/services/index.ts'
import { createQueues } from '../../../../adapters/lambda/local/services/resources.ts'
import type { QueueDeclaration } from '../../../bindings/declarations.ts'
import { bindings } from '../fixture/bindings.ts'
import { isUnmoorError } from '../../../errors.ts'
import type { Log } from '../../../adapter.ts'
import { type Backend, MissingBackend } from './backend.ts'

/**
 * Starts local servers that speak the protocols of DynamoDB, S3 and SQS, with the tables, buckets and queues
 * of the conformance app.
 */
export async function startAws(driver: string, log: Log): Promise<Backend> {
  const local = await startLocalAws({
    manifest: { version: 1, name: 'conformance', bindings, fetch: false, queues: [], crons: {} },
    drivers: Object.fromEntries(Object.keys(bindings).map((name) => [name, { driver }])),
    variables: {},
    visibilityTimeout: 30,
    log,
  }).catch((error: unknown) => {
    throw isUnmoorError(error, 'NotFound') ? new MissingBackend(error.message) : error
  })
  return {
    name: local.servers.join(', '),
    options: {},
    variables: local.variables,
    ...(driver === 'sqs'
      ? { optionsOf: (context) => openQueue(local.variables['AWS_ENDPOINT_URL_SQS'] ?? '', context) }
      : {}),
    stop: () => local.stop(),
  }
}

type QueueToMake = Parameters<typeof createQueues>[1][number]

/** SQS queues that cases have asked for, by the name of the case's app. */
const made = new Map<string, Map<string, QueueToMake>>()

/** Creates the SQS queue of one case: the sqs driver does not create queues, as a deployment does that. */
async function openQueue(
  endpoint: string,
  context: Parameters<NonNullable<Backend['optionsOf']>>[0],
): Promise<{ url: string }> {
  const { deadLetterQueue, maxRetries } = context.declaration as QueueDeclaration
  const name = (binding: string): string => `${context.app}-${binding}`
  const queues = made.get(context.app) ?? new Map<string, QueueToMake>()
  made.set(context.app, queues)
  // If an SQS queue to create is already noted for the dead-letter queue, the note stays: it may name a
  // further dead-letter queue.
  if (deadLetterQueue !== undefined && !queues.has(deadLetterQueue))
    queues.set(deadLetterQueue, { binding: deadLetterQueue, name: name(deadLetterQueue), variable: '' })
  const redrive =
    deadLetterQueue === undefined
      ? {}
      : { redrive: { binding: deadLetterQueue, maxReceiveCount: maxRetries + 1 } }
  queues.set(context.binding, {
    binding: context.binding,
    name: name(context.binding),
    variable: '',
    ...redrive,
  })
  const urls = await createQueues(endpoint, [...queues.values()], 30)
  return { url: urls[context.binding] ?? '' }
}
