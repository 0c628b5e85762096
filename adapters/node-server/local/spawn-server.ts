import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { StartOptions } from '../../../core/adapter.ts'
import { errorFromJSON, UnmoorError } from '../../../core/errors.ts'
import type { ParentMessage } from '../runtime/process.ts'
import { inheritedVariables, waitForExit, watchOutput } from './child.ts'

/** Maximum seconds from spawning a server process to its first message, migrations included. */
const START_SECONDS = 60

/** Settings with which an artifact's server process is started. A migration listens on no port. */
export type ServerRun = Omit<StartOptions, 'port'> & { readonly port?: number }

/** Settings of the server processes of one target, besides those that all targets share. */
export interface ServerSettings {
  /** Node's own command line flags for the server process. */
  readonly flags?: readonly string[]
  /** Names of environment variables that the server process inherits from this process. */
  readonly inherit?: readonly string[]
  /** Environment variables of the server process that override the caller's variables of the same name. */
  readonly variables?: Readonly<Record<string, string>>
  /** If true, the server process only reads, and its data folder need not exist. Default: false. */
  readonly readOnly?: boolean
}

/** A server running in a child process. */
export interface ServerProcess {
  readonly child: ChildProcess
  /** First IPC message of the server. Rejects if the server fails or ends before it. */
  readonly first: Promise<ParentMessage>
  readonly exited: Promise<number | null>
}

/**
 * Spawns the artifact's `server.mjs` in a child process, with `args` as its command line
 * arguments. With `readOnly` the data folder is not created, so the process works in the artifact's folder.
 */
export async function spawnServer(
  run: ServerRun,
  settings: ServerSettings,
  args: readonly string[],
): Promise<ServerProcess> {
  if (settings.readOnly !== true) await mkdir(run.dataDir, { recursive: true })
  const child = spawn(process.execPath, [...(settings.flags ?? []), join(run.dir, 'server.mjs'), ...args], {
    cwd: settings.readOnly === true ? run.dir : run.dataDir,
    env: {
      ...inheritedVariables(settings.inherit),
      ...run.variables,
      PORT: String(run.port ?? 0),
      HOST: run.host ?? '127.0.0.1',
      DATA_DIR: run.dataDir,
      ...settings.variables,
      ...(run.testToken === undefined ? {} : { UNMOOR_TEST_TOKEN: run.testToken }),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const exited = waitForExit(child)
  return { child, first: firstMessage(run, child, exited), exited }
}

function firstMessage(
  { dir, onOutput }: ServerRun,
  child: ChildProcess,
  exited: Promise<number | null>,
): Promise<ParentMessage> {
  const output = watchOutput(child, onOutput)
  return new Promise<ParentMessage>((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(
        new UnmoorError(
          'Timeout',
          `The server in ${dir} was not ready within ${START_SECONDS} s.${output.tail()}`,
          { operation: 'start' },
        ),
      )
    }, START_SECONDS * 1000)
    let failure: UnmoorError | undefined
    // The type of an IPC message is not checked: the sender is our own run-time half.
    child.once('message', (message) => {
      clearTimeout(timer)
      const report = message as ParentMessage
      if (report.type === 'failed') failure = errorFromJSON(report.error)
      else resolve(report)
    })
    // A server process that fails sends its error message first and ends afterwards, so the rejection waits
    // for the end of the process.
    void exited.then((code) => {
      clearTimeout(timer)
      reject(
        failure ??
          new UnmoorError(
            'Unavailable',
            `The server in ${dir} ended with code ${code} before it was ready.${output.tail()}`,
            {
              operation: 'start',
              retryable: false,
            },
          ),
      )
    })
  })
}
