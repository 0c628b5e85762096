import { startLocalAws } from '../../../../adapters/lambda/local/services/index.ts'
import { createQueues } from '../../../../adapters/lambda/local/services/resources.ts'
import type { QueueDeclaration } from '../../../bindings/declarations.ts'
import { bindings } from '../fixture/bindings.ts'
import { isUnmoorError } from '../../../errors.ts'
import type { Log } from '../../../adapter.ts'
import { type Backend, MissingBackend } from './backend.ts'

/**
 * Local servers that speak the protocols of DynamoDB, S3 and SQS, with what the fixture app needs on them.
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

/** Queues of SQS are made by deployments; a case has its own. */
async function openQueue(
  endpoint: string,
  context: Parameters<NonNullable<Backend['optionsOf']>>[0],
): Promise<{ url: string }> {
  const { deadLetterQueue, maxRetries } = context.declaration as QueueDeclaration
  const name = (binding: string): string => `${context.app}-${binding}`
  const dead =
    deadLetterQueue === undefined
      ? []
      : [{ binding: deadLetterQueue, name: name(deadLetterQueue), variable: '' }]
  const redrive =
    deadLetterQueue === undefined
      ? {}
      : { redrive: { binding: deadLetterQueue, maxReceiveCount: maxRetries + 1 } }
  const urls = await createQueues(
    endpoint,
    [...dead, { binding: context.binding, name: name(context.binding), variable: '', ...redrive }],
    30,
  )
  return { url: urls[context.binding] ?? '' }
}
