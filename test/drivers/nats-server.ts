import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type NatsOptions, queue } from '../../adapters/drivers/nats/index.ts'
import type { QueueDriver } from '../../core/bindings/drivers.ts'
import { driverContext, type Harness } from './contracts/harness.ts'

/** A nats-server of a test's own, on loopback. */
export interface NatsServer {
  readonly url: string
  /** Ends it with -9; the data stays. */
  kill(): Promise<void>
  /** Starts it again on the same port and data. */
  restart(): Promise<void>
  pause(): void
  resume(): void
  /** Ends it and removes the data. */
  stop(): Promise<void>
}

const program = ['/usr/sbin/nats-server', '/usr/bin/nats-server', '/usr/local/bin/nats-server'].find((path) => existsSync(path))

/** Whether tests can start a server. */
export const natsInstalled = program !== undefined

/** Starts a server with JetStream. `settings` are lines of its configuration. */
export async function startNats({ jetstream = true, settings = '' } = {}): Promise<NatsServer> {
  const folder = await mkdtemp(join(tmpdir(), 'unmoor-nats-'))
  const port = await freePort()
  const config = join(folder, 'server.conf')
  await writeFile(config, `listen: 127.0.0.1:${port}\n${jetstream ? `jetstream { store_dir: "${folder}/data" }\n` : ''}${settings}\n`)
  let child: ChildProcess
  const start = async (): Promise<void> => {
    child = spawn(program as string, ['-c', config], { stdio: 'ignore' })
    await answers(port)
  }
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  await start()
  return {
    url: `nats://127.0.0.1:${port}`,
    kill,
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

async function answers(port: number): Promise<void> {
  const deadline = Date.now() + 20_000
  while (!(await greets(port))) {
    if (Date.now() > deadline) throw new Error(`nats-server does not answer on port ${port}.`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('data', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

/** Drivers on that server, with streams of their own. */
export async function natsHarness(url: string, options: NatsOptions = {}): Promise<Harness<QueueDriver>> {
  const prefix = randomUUID()
  const opened: QueueDriver[] = []
  return {
    async open(settings = {}) {
      const driver = await queue({ url, prefix, ...options }, driverContext(settings))
      opened.push(driver)
      return driver
    },
    async dispose() {
      for (const driver of opened) await driver.close?.()
    },
  }
}
