import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { LocalRuntime, MigrateReport, StartOptions } from '../../../core/adapter.ts'
import { errorFromJSON, UnmoorError } from '../../../core/errors.ts'
import { waitForExit, watchOutput } from '../../node-server/local/child-output.ts'
import type { ParentMessage } from '../../node-server/runtime/process.ts'

/** Longest time from spawn to the ready message; migrations run within it. */
const START_SECONDS = 60
/** A stop is given its own deadline and then some. */
const STOP_SECONDS = 40

type ChildOptions = Omit<StartOptions, 'port' | 'host'> & { port?: number; host?: string | undefined }

/** Runs the artifact's server.mjs in a child process. */
export async function start(options: StartOptions): Promise<LocalRuntime> {
  const { child, first, exited } = await spawnServer(options, [])
  const message = await first
  if (message.type !== 'listening') {
    child.kill('SIGKILL')
    throw new UnmoorError('Internal', `The server in ${options.dir} sent "${message.type}" where "listening" was awaited. Build the app again.`, {
      operation: 'start',
    })
  }
  return {
    url: message.url,
    runtime: message.runtime,
    pids: child.pid === undefined ? [] : [child.pid],
    exited,
    async stop() {
      child.kill('SIGTERM')
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_SECONDS * 1000)
      await exited
      clearTimeout(timer)
    },
  }
}

/** Applies migrations with the artifact's own drivers. */
export async function migrate(options: Omit<StartOptions, 'port' | 'host'> & { url?: string | undefined }): Promise<MigrateReport> {
  if (options.url !== undefined) {
    throw new UnmoorError(
      'Unsupported',
      'The Node target has no --url: its artifact migrates the databases that its own drivers name. Set their variables, such as DATABASE_URL.',
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
async function spawnServer(
  options: ChildOptions,
  args: readonly string[],
): Promise<{ child: ChildProcess; first: Promise<ParentMessage>; exited: Promise<number | null> }> {
  await mkdir(options.dataDir, { recursive: true })
  const child = spawn(process.execPath, [...(options.development === true ? ['--enable-source-maps'] : []), join(options.dir, 'server.mjs'), ...args], {
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
    let failure: UnmoorError | undefined
    child.once('message', (message) => {
      clearTimeout(timer)
      const report = message as ParentMessage
      if (report.type === 'failed') failure = errorFromJSON(report.error)
      else resolve(report)
    })
    void exited.then((code) => {
      clearTimeout(timer)
      reject(
        failure ??
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
    ([name]) => ['PATH', 'HOME', 'TMPDIR'].includes(name) || (name.startsWith('NODE_') && !name.startsWith('NODE_CHANNEL_')),
  )
  return {
    ...(Object.fromEntries(inherited) as Record<string, string>),
    ...options.variables,
    PORT: String(options.port ?? 0),
    HOST: options.host ?? '127.0.0.1',
    DATA_DIR: options.dataDir,
    ...(options.testToken === undefined ? {} : { UNMOOR_TEST_TOKEN: options.testToken }),
  }
}
