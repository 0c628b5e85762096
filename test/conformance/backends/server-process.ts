import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

/** A server of the run's own, on loopback. */
export interface ServerProcess {
  readonly port: number
  /** Ends it with -9 and starts it again on the same port and data. */
  restart(): Promise<void>
  /** Ends it and removes the data. */
  stop(): Promise<void>
}

/** The first of these programs that is installed. */
export function findProgram(...names: string[]): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/bin', '/usr/sbin', '/usr/local/bin']
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((path) => existsSync(path))
}

/** Starts a server in a fresh folder and waits until `ready` says that it serves on its port. */
export async function startServer(
  program: string,
  settings: (port: number, folder: string) => string[],
  ready: (port: number) => Promise<boolean> = accepts,
): Promise<ServerProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-server-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  const start = async (): Promise<void> => {
    child = spawn(program, settings(port, folder), { stdio: 'ignore' })
    const deadline = Date.now() + 20_000
    while (!(await ready(port))) {
      if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${program} does not serve on port ${port}.`)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  const stop = async (): Promise<void> => {
    await kill()
    await rm(folder, { recursive: true, force: true })
  }
  try {
    await start()
  } catch (error) {
    await stop()
    throw error
  }
  return {
    port,
    stop,
    async restart() {
      await kill()
      await start()
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** Whether somebody listens; with `ask`, whether the answer to it begins with `answer`. */
export function accepts(port: number, host = '127.0.0.1', ask?: string, answer = ''): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (result: boolean): void => {
      socket.destroy()
      resolve(result)
    }
    const socket = connect(port, host, () => (ask === undefined ? end(true) : socket.write(ask)))
    socket.once('data', (data) => end(data.toString().startsWith(answer)))
    socket.once('error', () => end(false))
    socket.setTimeout(3000, () => end(false))
  })
}
