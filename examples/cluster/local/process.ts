import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { once } from 'node:events'
import { delimiter, join } from 'node:path'

/** A running program. */
export interface Running {
  readonly pid: number
  /** Resolves with the program's exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  /** Sends the program a signal, and kills it after `seconds` (default: 20). */
  stop(signal?: NodeJS.Signals, seconds?: number): Promise<number | NodeJS.Signals>
}

/** Options of {@link run}. */
export interface RunOptions {
  env?: Readonly<Record<string, string>>
  /** User that the program runs as. Default: the user of this process. */
  user?: string
  /** Called with each line that the program prints. */
  onLine: (line: string) => void
}

/** Starts a program. */
export function run(program: string, args: readonly string[], { env, user, onLine }: RunOptions): Running {
  const command =
    user === undefined
      ? [program, ...args]
      : ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', program, ...args]
  const child = spawn(command[0] as string, command.slice(1), {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
    // Ctrl-C reaches this process alone, which then stops the others in order.
    detached: true,
  })
  readLines(child, onLine)
  const ended = new Promise<number | NodeJS.Signals>((resolve) => {
    child.once('error', (error) => {
      onLine(error.message)
      resolve(127)
    })
    child.once('close', (code, signal) => resolve(code ?? signal ?? 1))
  })
  return {
    pid: child.pid ?? 0,
    ended,
    async stop(signal = 'SIGTERM', seconds = 20) {
      child.kill(signal)
      const timer = setTimeout(() => child.kill('SIGKILL'), seconds * 1000)
      const code = await ended
      clearTimeout(timer)
      return code
    },
  }
}

function readLines(child: ChildProcess, onLine: (line: string) => void): void {
  for (const stream of [child.stdout, child.stderr]) {
    let rest = ''
    stream?.setEncoding('utf8').on('data', (text: string) => {
      const lines = (rest + text).split('\n')
      rest = lines.pop() ?? ''
      lines.forEach(onLine)
    })
    stream?.on('end', () => rest !== '' && onLine(rest))
  }
}

/** Runs a program until it ends. @throws an error with the program's output. */
export async function runToEnd(
  program: string,
  args: readonly string[],
  options: Omit<RunOptions, 'onLine'> = {},
): Promise<void> {
  const lines: string[] = []
  const code = await run(program, args, { ...options, onLine: (line) => void lines.push(line) }).ended
  if (code !== 0) throw new Error(`${program} ended with ${code}:\n${lines.join('\n')}`)
}

/** Returns the path of the first of these programs that is installed. */
export function findProgram(names: readonly string[], folders: readonly string[] = []): string | undefined {
  const all = [
    ...folders,
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/sbin',
    '/usr/bin',
    '/usr/local/bin',
  ]
  return all.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path))
}

/** Returns a free TCP port of 127.0.0.1. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Resolves when `ready` returns true. @throws after 30 s, or if the program ends before. */
export async function until(what: string, ready: () => Promise<boolean>, running?: Running): Promise<void> {
  let ended: number | NodeJS.Signals | undefined
  void running?.ended.then((code) => (ended = code))
  const deadline = Date.now() + 30_000
  while (!(await ready())) {
    if (ended !== undefined) throw new Error(`${what} ended with ${ended} before it was ready.`)
    if (Date.now() > deadline) throw new Error(`${what} was not ready within 30 s.`)
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
}

/**
 * Resolves to true if a server listens on a port of 127.0.0.1. With `ask`, the server's reply to that text
 * must begin with `answer`.
 */
export function answers(port: number, ask?: string, answer = ''): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (result: boolean): void => {
      socket.destroy()
      resolve(result)
    }
    const socket = connect(port, '127.0.0.1', () => (ask === undefined ? end(true) : socket.write(ask)))
    socket.once('data', (data) => end(data.toString().startsWith(answer)))
    socket.once('error', () => end(false))
    socket.setTimeout(2000, () => end(false))
  })
}
