import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LocalRuntime, MigrateReport, StartOptions } from '../../core/adapter.ts'
import { errorFromJSON, UnmoorError } from '../../core/errors.ts'
import { waitForExit, watchOutput } from '../node/child-output.ts'
import type { ParentMessage } from '../node/runtime/process.ts'
import { inspectorFlags } from './inspector-flags.ts'
import { checkOptions } from './check-options.ts'

/** Longest time from spawn to the ready message; migrations run within it. */
const START_SECONDS = 60
/** A stop is given its own deadline and then some. */
const STOP_SECONDS = 40
/** A process that crashes is started again, but not more often than this within a minute. */
const RESTARTS_PER_MINUTE = 10

type ChildOptions = Omit<StartOptions, 'port' | 'host'> & { port?: number; host?: string | undefined }
type Listening = Extract<ParentMessage, { type: 'listening' }>

interface Server {
  child: ChildProcess
  first: Promise<ParentMessage>
  exited: Promise<number | null>
}

/** Runs the artifact's server.mjs in a child process, and again where a tenant took the process along. */
export async function start(options: StartOptions): Promise<LocalRuntime> {
  if (checkOptions(options.info.options).runtime === 'host') return (await import('./start-on-host.ts')).startOnHost(options)
  let server = await spawnServer(options, [])
  const ready = await listening(server, options.dir)
  const port = Number(new URL(ready.url).port)
  let stopping = false
  const supervise = async (): Promise<number | null> => {
    const crashes: number[] = []
    for (;;) {
      const code = await server.exited
      if (stopping || code === 0) return code
      const now = Date.now()
      crashes.push(now)
      if (crashes.filter((time) => now - time < 60_000).length > RESTARTS_PER_MINUTE) return code
      options.onOutput?.(`The host process ended (${code === null ? 'by a signal' : `code ${code}`}); starting it again.`)
      server = await spawnServer({ ...options, port }, [])
      await server.first.catch((error: unknown) => options.onOutput?.(`It did not start: ${error instanceof Error ? error.message : String(error)}`))
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
    async stop() {
      stopping = true
      server.child.kill('SIGTERM')
      const timer = setTimeout(() => server.child.kill('SIGKILL'), STOP_SECONDS * 1000)
      await exited
      clearTimeout(timer)
    },
  }
}

async function listening(server: Server, dir: string): Promise<Listening> {
  const message = await server.first
  if (message.type === 'listening') return message
  server.child.kill('SIGKILL')
  throw new UnmoorError('Internal', `The server in ${dir} sent "${message.type}" where "listening" was awaited. Build the app again.`, { operation: 'start' })
}

/** Applies migrations with the artifact's own drivers. */
export async function migrate(options: Omit<StartOptions, 'port' | 'host'> & { url?: string | undefined }): Promise<MigrateReport> {
  if (options.url !== undefined) {
    throw new UnmoorError(
      'Unsupported',
      'The isolate target has no --url: its artifact migrates the databases that its own drivers name. Set their variables, such as DATABASE_URL.',
      { operation: 'migrate' },
    )
  }
  const { child, first, exited } = await spawnServer(options, ['migrate'])
  const message = await first
  if (message.type !== 'migrated') {
    child.kill('SIGKILL')
    throw new UnmoorError('Internal', `The server in ${options.dir} sent "${message.type}" where "migrated" was awaited. Build the app again.`, {
      operation: 'migrate',
    })
  }
  await exited
  return message.report
}

/** The child, its first message (rejects if it fails or ends before), and its exit code. */
async function spawnServer(options: ChildOptions, args: readonly string[]): Promise<Server> {
  await mkdir(options.dataDir, { recursive: true })
  // isolated-vm asks for --no-node-snapshot: its isolates and node's own snapshot do not get along on every version.
  const debug = options.inspectPort === undefined ? [] : inspectorFlags(options.inspectPort)
  const child = spawn(process.execPath, ['--no-node-snapshot', ...debug, join(options.dir, 'server.mjs'), ...args], {
    cwd: options.dataDir,
    env: childEnvironment(options),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const output = watchOutput(child, options.onOutput)
  const exited = waitForExit(child)
  const first = new Promise<ParentMessage>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(new UnmoorError('Timeout', `The server in ${options.dir} was not ready within ${START_SECONDS} s.${output.tail()}`, { operation: 'start' }))
    }, START_SECONDS * 1000)
    // Types of IPC messages are the sender's word; the sender is our own run-time half.
    child.once('message', (message) => {
      clearTimeout(timer)
      const report = message as ParentMessage
      if (report.type === 'failed') void exited.then(() => reject(errorFromJSON(report.error)))
      else resolve(report)
    })
    void exited.then((code) => {
      clearTimeout(timer)
      reject(
        new UnmoorError('Unavailable', `The server in ${options.dir} ended with code ${code} before it was ready.${output.tail()}`, {
          operation: 'start',
          retryable: false,
        }),
      )
    })
  })
  return { child, first, exited }
}

function childEnvironment(options: ChildOptions): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => ['PATH', 'HOME', 'TMPDIR', 'UNMOOR_OUTBOUND_ALLOW'].includes(name) || (name.startsWith('NODE_') && !name.startsWith('NODE_CHANNEL_')),
  )
  return {
    ...(Object.fromEntries(inherited) as Record<string, string>),
    ...options.variables,
    PORT: String(options.port ?? 0),
    HOST: options.host ?? '127.0.0.1',
    DATA_DIR: options.dataDir,
    UNMOOR_ISOLATED_VM: isolatedVmPath(),
    ...(options.development === true ? { UNMOOR_DEV: '1' } : {}),
    ...(options.inspectPort === undefined ? {} : { UNMOOR_DEBUG: '1' }),
    ...(options.testToken === undefined ? {} : { UNMOOR_TEST_TOKEN: options.testToken }),
  }
}

/** Where isolated-vm is installed for this process: an artifact on the developer's machine has none beside it. */
function isolatedVmPath(): string {
  try {
    return fileURLToPath(import.meta.resolve('isolated-vm'))
  } catch (cause) {
    throw new UnmoorError('NotFound', 'The isolate target needs isolated-vm. Run: npm install isolated-vm@7', { operation: 'start', cause })
  }
}
