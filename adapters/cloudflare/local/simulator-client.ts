import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { extname } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { errorFromJSON, type SerializedError, UnmoorError } from '../../../core/errors.ts'
import type { SimulatorAnswer, SimulatorRequest, SimulatorStart } from './simulator-protocol.ts'

type Ready = Extract<SimulatorAnswer, { type: 'ready' }>

/** Handle on the process that simulates Cloudflare (Miniflare), for the command that spawned it. */
export interface Host {
  /**
   * Starts the simulator of Cloudflare. @throws the cause of a failed start, with the last lines that the
   * process printed.
   */
  start(request: SimulatorStart): Promise<Ready>
  /** Fires a cron schedule in the simulator and waits until its run has ended. */
  fire(cron: string, scheduledTime: number): Promise<void>
  /** Ends the simulator process and workerd; resolves when both are gone. */
  stop(pids: readonly number[]): Promise<void>
  readonly exited: Promise<number | null>
}

const STOP_SECONDS = 10
const KEPT_LINES = 100

/**
 * Spawns `simulator-process.ts` (`.js` in the package). It receives, from the caller's environment, only the
 * variables that Node itself needs.
 */
export function spawnHost(onOutput: ((line: string) => void) | undefined): Host {
  const file = fileURLToPath(new URL(`./simulator-process${extname(import.meta.url)}`, import.meta.url))
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => /^(PATH|HOME|TMPDIR|NODE_.*)$/.test(name)),
  )
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'pipe', 'ipc'], env })
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null)
      createInterface({ input: stream }).on('line', (line) => {
        if (lines.push(line) > KEPT_LINES) lines.shift()
        onOutput?.(line)
      })
  }
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const waiting = new Map<number, (error: string | undefined) => void>()
  let next = 1
  const send = (request: SimulatorRequest): void => void (child.connected && child.send(request))
  const gone = (operation: string): UnmoorError =>
    new UnmoorError(
      'Unavailable',
      `The Workers simulator ended${lines.length === 0 ? '' : `; it printed:\n${lines.join('\n')}`}`,
      {
        operation,
        retryable: false,
      },
    )

  return {
    exited,
    async start(request) {
      const answered = new Promise<Ready>((resolve, reject) => {
        child.on('message', (message: SimulatorAnswer) => {
          if (message.type === 'ready') resolve(message)
          else if (message.type === 'failed') reject(toError(message, lines))
          else {
            waiting.get(message.id)?.(message.error)
            waiting.delete(message.id)
          }
        })
      })
      send(request)
      return Promise.race([answered, exited.then(() => Promise.reject(gone('start')))])
    },
    async fire(cron, scheduledTime) {
      const id = next++
      const answered = new Promise<void>((resolve, reject) => {
        waiting.set(id, (error) =>
          error === undefined ? resolve() : reject(new UnmoorError('Internal', error, { operation: 'cron' })),
        )
      })
      send({ type: 'cron', id, cron, scheduledTime })
      await Promise.race([answered, exited.then(() => Promise.reject(gone('cron')))])
    },
    async stop(pids) {
      send({ type: 'stop' })
      const timer = setTimeout(() => {
        for (const pid of [...pids, child.pid]) kill(pid)
      }, STOP_SECONDS * 1000)
      await exited
      clearTimeout(timer)
      // The simulator process may have been killed before it could end workerd, so its children are killed
      // here.
      for (const pid of pids) kill(pid)
    },
  }
}

function kill(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
  } catch {
    // The simulator's process cannot be killed because it has already ended.
  }
}

function toError(
  failure: Extract<SimulatorAnswer, { type: 'failed' }>,
  lines: readonly string[],
): UnmoorError {
  if (failure.error !== undefined) return errorFromJSON(failure.error as SerializedError)
  const output = lines.length === 0 ? '' : `\n${lines.join('\n')}`
  return new UnmoorError('Unavailable', `The Worker did not start: ${failure.message}${output}`, {
    operation: 'start',
    retryable: false,
  })
}
