/**
 * The process of the local services. It receives one message that says what to start, answers once, and ends
 * on `stop`, on SIGTERM, or when the process that started it is gone.
 */
import { isUnmoorError } from '../../../../core/errors.ts'
import { startDynamodb } from './dynamodb.ts'
import { startFauxqs } from './fauxqs.ts'
import type { ProcessMessage, StartMessage, StopMessage } from './messages.ts'
import { startMoto } from './moto.ts'
import { startPostgres } from './postgres.ts'
import { createBucket, createQueues, createTable, LOCAL_CREDENTIALS } from './resources.ts'
import type { Server } from './server.ts'

const servers: Server[] = []
let stopping: Promise<void> | undefined

async function start(message: StartMessage): Promise<ProcessMessage> {
  const { plan, dataDir } = message
  const variables: Record<string, string> = {}
  const queues: Record<string, string> = {}
  const keep = <T extends Server>(server: T): T => {
    servers.push(server)
    return server
  }
  const dynamodb = async (): Promise<void> => {
    if (Object.keys(plan.tables).length === 0) return
    const { url } = keep(await startDynamodb(dataDir))
    variables['AWS_ENDPOINT_URL_DYNAMODB'] = url
    for (const table of new Set(Object.values(plan.tables))) await createTable(url, table)
    assign(variables, plan.tables)
  }
  const s3AndSqs = async (): Promise<void> => {
    const buckets = Object.keys(plan.buckets).length > 0
    if (!buckets && plan.queues.length === 0) return
    const onMoto = buckets && message.s3 === 'moto' ? startMoto() : undefined
    const fauxqs =
      onMoto === undefined || plan.queues.length > 0 ? keep(await startFauxqs(dataDir)) : undefined
    const s3 = onMoto === undefined ? fauxqs : keep(await onMoto)
    if (buckets && s3 !== undefined) {
      variables['AWS_ENDPOINT_URL_S3'] = s3.url
      for (const bucket of new Set(Object.values(plan.buckets))) await createBucket(s3.url, bucket)
      assign(variables, plan.buckets)
    }
    if (plan.queues.length > 0 && fauxqs !== undefined) {
      variables['AWS_ENDPOINT_URL_SQS'] = fauxqs.url
      Object.assign(queues, await createQueues(fauxqs.url, plan.queues, message.visibilityTimeout))
      for (const queue of plan.queues) variables[queue.variable] = queues[queue.binding] as string
    }
  }
  const postgres = async (): Promise<void> => {
    if (plan.databases.length === 0) return
    const { url } = keep(await startPostgres({ app: message.app, dataDir, server: message.postgres }))
    for (const variable of plan.databases) variables[variable] = url
  }
  await Promise.all([dynamodb(), s3AndSqs(), postgres()])
  if (Object.keys(variables).some((name) => name.startsWith('AWS_')))
    Object.assign(variables, LOCAL_CREDENTIALS)
  return {
    type: 'ready',
    variables,
    queues,
    servers: servers.map(({ name }) => name).sort(),
    pids: servers.flatMap(({ pids }) => pids ?? []),
  }
}

function assign(variables: Record<string, string>, names: Record<string, string>): void {
  // In the plan of local services, names of tables and buckets that the options fix have no variable: their
  // keys begin with `=`.
  for (const [variable, name] of Object.entries(names))
    if (!variable.startsWith('=')) variables[variable] = name
}

function stop(): Promise<void> {
  stopping ??= Promise.allSettled(servers.map((server) => server.stop())).then(() => process.exit(0))
  return stopping
}

process.once('SIGTERM', () => void stop())
// Ctrl-C reaches the whole process group, but the parent process decides when the local services end.
process.on('SIGINT', () => {})
process.once('disconnect', () => void stop())
// dynalite throws when a client goes away in the middle of a request.
process.on('uncaughtException', (error: NodeJS.ErrnoException) => {
  if (error.code === 'ECONNRESET' || error.code === 'EPIPE' || error.message === 'aborted') return
  console.error(error)
  process.exit(1)
})
process.on('message', (message: StartMessage | StopMessage) => {
  if ('type' in message) return void stop()
  start(message).then(
    (ready) => process.send?.(ready),
    (error: unknown) => {
      const text = error instanceof Error ? error.message : String(error)
      process.send?.({
        type: 'failed',
        message: text,
        code: isUnmoorError(error) ? error.code : 'Unavailable',
      } satisfies ProcessMessage)
    },
  )
})
