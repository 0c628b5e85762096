/**
 * Local services for a Lambda artifact's drivers: servers of DynamoDB's, S3's and SQS's protocols, and a
 * Postgres. They run in one child process, so that a crash of one of them does not affect the Lambda front
 * and is seen as such.
 */
import { fork, type ChildProcess } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { DriverSpec, Log } from '../../../../core/adapter.ts'
import { type ErrorCode, UnmoorError } from '../../../../core/errors.ts'
import type { Manifest } from '../../../../core/manifest.ts'
import { stopChild, watchOutput } from '../../../node-server/local/child.ts'
import type { ProcessMessage, StartMessage } from './messages.ts'
import { createPlan } from './plan.ts'

/** Options of {@link startLocalAws}. */
export interface LocalAwsOptions {
  manifest: Manifest
  drivers: Readonly<Record<string, DriverSpec>>
  /**
   * Variables that the caller sets. If they name an AWS service's endpoint or a database's URL, no local
   * server for it is started.
   */
  variables: Readonly<Record<string, string>>
  /**
   * Absolute folder in which local services keep data between starts. Default: data is in memory, and a
   * database created on a Postgres server is dropped at the end.
   */
  dataDir?: string | undefined
  /** Seconds for which a received SQS message stays hidden from other receivers. Default: 30. */
  visibilityTimeout?: number
  log: Log
}

/** Running local services that stand for AWS's. */
export interface LocalAws {
  /**
   * Variables with which the artifact reaches the local services: endpoints, credentials, region, names,
   * URLs.
   */
  readonly variables: Readonly<Record<string, string>>
  /** SQS queue URLs by the name of their binding. */
  readonly queues: Readonly<Record<string, string>>
  /** Names and versions of the local services' servers, such as `dynalite 4.0.0`. */
  readonly servers: readonly string[]
  readonly pids: readonly number[]
  /** Stops the local services; resolves when their process has ended. */
  stop(): Promise<void>
}

const START_TIMEOUT = 120_000
const STOP_TIMEOUT = 10_000

/**
 * Starts the local services that the artifact's drivers need, if any.
 *
 * @throws `NotFound` that names a package to install, `Unavailable` if a server does not start.
 */
export async function startLocalAws(options: LocalAwsOptions): Promise<LocalAws> {
  const plan = createPlan(options.manifest, options.drivers, options.variables)
  const needed =
    Object.keys(plan.tables).length +
    Object.keys(plan.buckets).length +
    plan.queues.length +
    plan.databases.length
  if (needed === 0) return { variables: {}, queues: {}, servers: [], pids: [], stop: async () => {} }
  const message: StartMessage = {
    plan,
    app: options.manifest.name,
    dataDir: options.dataDir,
    visibilityTimeout: options.visibilityTimeout ?? 30,
    s3: process.env['UNMOOR_LOCAL_S3'] === 'moto' ? 'moto' : 'fauxqs',
    postgres: options.variables['UNMOOR_POSTGRES_URL'] ?? process.env['UNMOOR_POSTGRES_URL'] ?? 'probe',
  }
  const child = startProcess()
  try {
    const ready = await answer(child, message)
    options.log.info(`local services: ${ready.servers.join(', ')}`)
    return {
      variables: ready.variables,
      queues: ready.queues,
      servers: ready.servers,
      pids: [...(child.pid === undefined ? [] : [child.pid]), ...ready.pids],
      stop: () => stop(child),
    }
  } catch (error) {
    await stop(child)
    throw error
  }
}

function startProcess(): ChildProcess {
  // From source (in tests) the module of the local services' process is a .ts file, in the package a .js
  // file. The build would rewrite an import specifier, but not a URL.
  const file = fileURLToPath(
    new URL(import.meta.url.endsWith('.ts') ? './process.ts' : './process.js', import.meta.url),
  )
  return fork(file, [], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: ['--no-warnings'] })
}

function answer(
  child: ChildProcess,
  start: StartMessage,
): Promise<Extract<ProcessMessage, { type: 'ready' }>> {
  const { lines } = watchOutput(child, undefined)
  return new Promise((resolve, reject) => {
    const fail = (code: ErrorCode, text: string): void => {
      clearTimeout(timer)
      reject(new UnmoorError(code, text, { operation: 'start' }))
    }
    const timer = setTimeout(
      () =>
        fail(
          'Timeout',
          `The local services were not ready after ${START_TIMEOUT / 1000} s.\n${lines.join('\n')}`,
        ),
      START_TIMEOUT,
    )
    child.once('error', (error) => fail('Unavailable', `The local services did not start: ${error.message}`))
    child.once('exit', (code, signal) =>
      fail('Unavailable', `The local services ended at once (${signal ?? code}).\n${lines.join('\n')}`),
    )
    child.once('message', (raw) => {
      const message = raw as ProcessMessage
      if (message.type === 'failed') return fail(message.code as ErrorCode, message.message)
      clearTimeout(timer)
      resolve(message)
    })
    child.send(start)
  })
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const ask = (): void => {
    if (child.connected) child.send({ type: 'stop' })
    else child.kill('SIGTERM')
  }
  await stopChild({ exited: ended, ask, kill: () => child.kill('SIGKILL'), graceMs: STOP_TIMEOUT })
}
