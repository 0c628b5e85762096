import { randomUUID } from 'node:crypto'
import { connect, createServer, type Server, type Socket } from 'node:net'
import postgres from 'postgres'
import type { PostgresStoreOptions } from '../../adapters/drivers/postgres/index.ts'
import type { DriverContext } from '../../core/bindings/drivers.ts'
import { driverContext, type Harness } from './contracts/harness.ts'

/** The server that the tests use, each in a schema of its own. */
export const URL_OF_SERVER = process.env['UNMOOR_TEST_POSTGRES'] ?? 'postgres://postgres@127.0.0.1:5432/postgres'

/** Whether it answers; otherwise tests are skipped by name. */
export async function postgresAnswers(what: string): Promise<boolean> {
  const { hostname, port } = new URL(URL_OF_SERVER)
  const answers = await new Promise<boolean>((resolve) => {
    const socket: Socket = connect(Number(port || 5432), hostname)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.end())
  })
  if (!answers) console.warn(`${what}: skipped, no server answers at ${URL_OF_SERVER}`)
  return answers
}

/** A connection beside the drivers'. */
export const admin = postgres(URL_OF_SERVER, { max: 1, onnotice: () => {} })

/** Drivers in a schema of their own, which they make themselves. */
export function postgresHarness<Driver extends { close?(): Promise<void> | void }>(
  create: (options: PostgresStoreOptions, context: DriverContext) => Driver | Promise<Driver>,
  options: PostgresStoreOptions = {},
): Harness<Driver> & { schema: string } {
  const schema = `unmoor_test_${randomUUID().replaceAll('-', '')}`
  const opened: Driver[] = []
  return {
    schema,
    async open(settings = {}) {
      const driver = await create({ url: URL_OF_SERVER, schema, max: 4, ...options }, driverContext(settings))
      opened.push(driver)
      return driver
    },
    async dispose() {
      for (const driver of opened) await driver.close?.()
      await admin.unsafe(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    },
  }
}

/** A way to the server that can be cut. */
export interface Detour {
  url: string
  /** Refuses new connections and breaks those that are. */
  cut(): Promise<void>
  restore(): Promise<void>
  /** Keeps connections, but lets nothing through. */
  freeze(frozen: boolean): void
}

export async function openDetour(): Promise<Detour> {
  const target = new URL(URL_OF_SERVER)
  const sockets = new Set<Socket>()
  let frozen = false
  const listen = (port: number): Promise<Server> =>
    new Promise((resolve) => {
      const server = createServer((incoming) => {
        const outgoing = connect(Number(target.port || 5432), target.hostname)
        for (const socket of [incoming, outgoing]) {
          sockets.add(socket)
          socket.on('error', () => {}).on('close', () => sockets.delete(socket))
          if (frozen) socket.pause()
        }
        incoming.on('data', (data) => outgoing.write(data)).on('close', () => outgoing.destroy())
        outgoing.on('data', (data) => incoming.write(data)).on('close', () => incoming.destroy())
      })
      server.listen(port, '127.0.0.1', () => resolve(server))
    })
  let server = await listen(0)
  const { port } = server.address() as { port: number }
  const url = new URL(URL_OF_SERVER)
  url.hostname = '127.0.0.1'
  url.port = String(port)
  return {
    url: url.href,
    async cut() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
    async restore() {
      server = await listen(port)
    },
    freeze(value) {
      frozen = value
      for (const socket of sockets) {
        if (value) socket.pause()
        else socket.resume()
      }
    },
  }
}
