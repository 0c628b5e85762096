import type { LocalRuntime, MigrateReport, RecordedReport, StartOptions } from '../../../core/adapter.ts'
import { isUnmoorError, UnmoorError } from '../../../core/errors.ts'
import type { ParentMessage } from '../runtime/process.ts'
import { stopChild } from './child.ts'
import { type ServerProcess, type ServerRun, type ServerSettings, spawnServer } from './spawn-server.ts'

/**
 * Milliseconds before a stopping server is killed; longer than the default `stopTimeout`, so that the server
 * can cut its work off itself.
 */
const STOP_MS = 40_000

/** A target whose artifact is a `server.mjs` that runs on Node. */
export interface ServerTarget {
  /** The target's name in messages, such as `Node`. */
  readonly title: string
  settings(run: ServerRun): ServerSettings
  /** Most restarts of a crashed server process per minute. Default: 0. */
  readonly restartsPerMinute?: number
}

/**
 * Runs the artifact's server.mjs in a child process. A crashed process is restarted up to the target's
 * `restartsPerMinute`.
 */
export async function startServer(target: ServerTarget, options: StartOptions): Promise<LocalRuntime> {
  let server = await spawnServer(options, target.settings(options), [])
  const ready = await receive(server, 'listening', options.dir)
  const run = { ...options, port: Number(new URL(ready.url).port) }
  let stopping = false
  const supervise = async (): Promise<number | null> => {
    const crashes: number[] = []
    for (;;) {
      const code = await server.exited
      if (stopping || code === 0) return code
      const now = Date.now()
      crashes.push(now)
      if (crashes.filter((time) => now - time < 60_000).length > (target.restartsPerMinute ?? 0)) return code
      options.onOutput?.(
        `The host process ended (${code === null ? 'by a signal' : `code ${code}`}); starting it again.`,
      )
      server = await spawnServer(run, target.settings(run), [])
      // If the server was stopped during a restart, the signal went to the old process, so the new process is
      // signalled here.
      if (stopping) server.child.kill('SIGTERM')
      await server.first.catch((error: unknown) =>
        options.onOutput?.(`It did not start: ${error instanceof Error ? error.message : String(error)}`),
      )
    }
  }
  const exited = supervise()
  return {
    url: ready.url,
    runtime: ready.runtime,
    get pids() {
      return server.child.pid === undefined ? [] : [server.child.pid]
    },
    exited,
    stop() {
      stopping = true
      const signal = (name: NodeJS.Signals): void => void server.child.kill(name)
      return stopChild({
        exited,
        ask: () => signal('SIGTERM'),
        kill: () => signal('SIGKILL'),
        graceMs: STOP_MS,
      })
    },
  }
}

/** Settings of a run that migrates, or reads what has been migrated. */
export type MigrateRun = ServerRun & { readonly url?: string | undefined }

/**
 * Applies the app's database migrations with the artifact's own drivers. @throws `Unsupported` for a `url`.
 */
export async function migrateServer(target: ServerTarget, options: MigrateRun): Promise<MigrateReport> {
  refuseUrl(target, options)
  const server = await spawnServer(options, target.settings(options), ['migrate'])
  const message = await receive(server, 'migrated', options.dir)
  await server.exited
  return message.report
}

/**
 * Returns the migrations that the app's databases have recorded, read with the artifact's own drivers.
 * Creates nothing. @throws `Unsupported` for a `url`.
 */
export async function recordedByServer(target: ServerTarget, options: MigrateRun): Promise<RecordedReport> {
  refuseUrl(target, options)
  const server = await spawnServer(options, { ...target.settings(options), readOnly: true }, ['migrations'])
  const message = await receive(server, 'recorded', options.dir).catch((error: unknown) => {
    if (!isUnmoorError(error, 'InvalidArgument') || !error.message.startsWith('Unknown command')) throw error
    throw new UnmoorError(
      'Unsupported',
      `The artifact in ${options.dir} is of a version of unmoor that cannot list migrations. Build the app ` +
        'again.',
      { operation: 'migrate', cause: error },
    )
  })
  await server.exited
  return message.report
}

function refuseUrl(target: ServerTarget, { url }: MigrateRun): void {
  if (url === undefined) return
  throw new UnmoorError(
    'Unsupported',
    `The ${target.title} target has no --url: its artifact migrates the databases that its own ` +
      'drivers name. Set their variables, such as DATABASE_URL.',
    { operation: 'migrate' },
  )
}

/**
 * Waits for the server's first message, which must have the expected type: another type comes from an
 * artifact of another unmoor version.
 */
async function receive<Type extends 'listening' | 'migrated' | 'recorded'>(
  { child, first }: ServerProcess,
  type: Type,
  dir: string,
): Promise<Extract<ParentMessage, { type: Type }>> {
  const message = await first
  if (isOf(message, type)) return message
  child.kill('SIGKILL')
  throw new UnmoorError(
    'Internal',
    `The server in ${dir} sent "${message.type}" where "${type}" was awaited. Build the app again.`,
    {
      operation: type === 'listening' ? 'start' : 'migrate',
    },
  )
}

function isOf<Type extends ParentMessage['type']>(
  message: ParentMessage,
  type: Type,
): message is Extract<ParentMessage, { type: Type }> {
  return message.type === type
}
