import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'iovalkey'
import type { RedisOptions } from '../../adapters/drivers/redis/index.ts'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { driverContext, type Harness } from './contracts/harness.ts'

/** A redis-server of a test's own, on loopback. */
export interface RedisServer {
  readonly url: string
  readonly port: number
  /** Ends it with -9; the data stays. */
  kill(): Promise<void>
  /** Starts it again on the same port and data. */
  restart(): Promise<void>
  /** Stops it answering, and lets it go on. */
  pause(): void
  resume(): void
  /** Ends it and removes the data. */
  stop(): Promise<void>
}

const program = ['/usr/bin/redis-server', '/usr/local/bin/redis-server', '/usr/bin/valkey-server'].find((path) => existsSync(path))

/** Whether tests can start a server. */
export const redisInstalled = program !== undefined

/** Starts a server. `settings` are redis-server's own, by default with the append-only file. */
export async function startRedis(settings: string[] = ['--appendonly', 'yes']): Promise<RedisServer> {
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-redis-'))
  const port = await freePort()
  let child: ChildProcess
  const start = async (): Promise<void> => {
    const args = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', ...settings]
    child = spawn(program as string, args, { stdio: 'ignore' })
    await answers(port)
  }
  const kill = async (signal: NodeJS.Signals = 'SIGKILL'): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await once(child, 'exit')
  }
  await start()
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    kill: () => kill(),
    restart: start,
    pause: () => void child.kill('SIGSTOP'),
    resume: () => void child.kill('SIGCONT'),
    async stop() {
      await kill()
      await rm(folder, { recursive: true, force: true })
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

/** Resolves when the server says that it has loaded its data. */
async function answers(port: number): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await ping(port))) {
    if (Date.now() > deadline) throw new Error(`redis-server does not answer on port ${port}.`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function ping(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'))
    socket.once('data', (data) => {
      socket.destroy()
      resolve(data.toString().startsWith('+PONG'))
    })
    socket.once('error', () => resolve(false))
  })
}

/** Drivers on that server, with keys of their own. */
export async function redisHarness<Driver extends { close?(): Promise<void> | void }>(
  url: string,
  create: (options: RedisOptions, context: DriverContext) => Driver | Promise<Driver>,
): Promise<Harness<Driver>> {
  const prefix = randomUUID()
  const opened: Driver[] = []
  return {
    async open(options = {}) {
      const driver = await create({ url, prefix }, driverContext(options))
      opened.push(driver)
      return driver
    },
    async dispose() {
      for (const driver of opened) await driver.close?.()
    },
  }
}

/** A bare client of the test's own. */
export function redisAdmin(url: string): Redis {
  const client = new Redis(url)
  // The server may be killed while it is connected.
  client.on('error', () => {})
  return client
}
