/**
 * Drivers on NATS, server 2.9 or later, through the `@nats-io/transport-node` package: JetStream for queues,
 * core for sockets.
 */
export type { NatsOptions } from './options.ts'
export type { NatsFactoryOptions } from './server.ts'
export { queue } from './queue.ts'
export { sockets } from './sockets.ts'
