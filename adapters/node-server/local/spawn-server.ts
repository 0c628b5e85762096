import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { StartOptions } from '../../../core/adapter.ts'
import { errorFromJSON, UnmoorError } from '../../../core/errors.ts'
import type { ParentMessage } from '../runtime/process.ts'
import { inheritedVariables, waitForExit, watchOutput } from './child.ts'

/** Longest time from spawn to the first message; migrations run within it. */
const START_SECONDS = 60

/** What an artifact's server is run with. A migration listens on no port. */
export type ServerRun = Omit<StartOptions, 'port'> & { readonly port?: number }

/** What the servers of one target need beside what all servers get. */
export interface ServerSettings {
  /** Node's own flags. */
  readonly flags?: readonly string[]
  /** Names of variables that it inherits from this process. */
  readonly inherit?: readonly string[]
  /** Variables that win over the caller's. */
  readonly variables?: Readonly<Record<string, string>>
}

/** A server's process. */
export interface ServerProcess {
  readonly child: ChildProcess
  /** Its first message. Rejects where it fails, or ends before. */
  readonly first: Promise<ParentMessage>
  readonly exited: Promise<number | null>
}

/** Runs the artifact's `server.mjs` in a child process, with `args` behind the file. */
export async function spawnServer(
  run: ServerRun,
  settings: ServerSettings,
  args: readonly string[],
): Promise<ServerProcess> {
  await mkdir(run.dataDir, { recursive: true })
  const child = spawn(process.execPath, [...(settings.flags ?? []), join(run.dir, 'server.mjs'), ...args], {
    cwd: run.dataDir,
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
    // A server that fails sends its error first and ends after: the rejection waits for the end of the
    // process.
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
