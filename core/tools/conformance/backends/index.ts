import type { Log } from '../../../adapter.ts'
import { startAws } from './aws.ts'
import type { Backend } from './backend.ts'
import { startNats } from './nats.ts'
import { startPostgres } from './postgres.ts'
import { startRedis } from './redis.ts'

const SERVERS: Readonly<Record<string, (log: Log) => Promise<Backend>>> = {
  postgres: startPostgres,
  redis: startRedis,
  nats: startNats,
  dynamodb: (log) => startAws('dynamodb', log),
  s3: (log) => startAws('s3', log),
  sqs: (log) => startAws('sqs', log),
}

/**
 * Starts the backend of a built-in driver. Other drivers need no backend beyond what `options` say.
 *
 * @throws {@link MissingBackend} saying what to install or to start.
 */
export async function startBackend(
  driver: string,
  log: Log,
  options: Readonly<Record<string, unknown>> = {},
): Promise<Backend> {
  const backend = await SERVERS[driver]?.(log)
  if (backend === undefined) return { name: 'no server', options, variables: {}, async stop() {} }
  return { ...backend, options: { ...backend.options, ...options } }
}
