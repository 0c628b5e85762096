import { randomUUID } from 'node:crypto'
import { type NatsOptions, queue } from '../../adapters/drivers/nats/index.ts'
import type { QueueDriver } from '../../core/bindings/drivers.ts'
import { natsProgram, startNatsServer } from '../../core/tools/conformance/backends/nats.ts'
import type { ServerProcess } from '../../core/tools/conformance/backends/server-process.ts'
import { createHarness, driverContext, type Harness } from './contracts/harness.ts'

/** A nats-server of a test's own, on loopback. */
export interface NatsServer extends ServerProcess {
  readonly url: string
}

const program = natsProgram()

/** True if tests can start a server. */
export const natsInstalled = program !== undefined

/** Starts a server with JetStream, unless told otherwise. `settings` are lines of its configuration. */
export async function startNats(
  options: { jetstream?: boolean; settings?: string } = {},
): Promise<NatsServer> {
  const server = await startNatsServer(program as string, options)
  return { ...server, url: `nats://127.0.0.1:${server.port}` }
}

/** Drivers on that server, with streams of their own. */
export async function natsHarness(url: string, options: NatsOptions = {}): Promise<Harness<QueueDriver>> {
  const prefix = randomUUID()
  return createHarness((settings) => queue({ url, prefix, ...options }, driverContext(settings)))
}
