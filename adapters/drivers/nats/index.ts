/** NATS JetStream, server 2.9 or later, through the `@nats-io/transport-node` package. */
export type { NatsOptions } from './options.ts'
export type { NatsFactoryOptions } from './server.ts'
export { queue } from './queue.ts'
