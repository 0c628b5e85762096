/** Starts the whole cluster on this machine and runs it until Ctrl-C. */
import { startBackends } from './local/cluster.ts'

const token = process.env['ADMIN_TOKEN'] ?? 'change-me'
const stop = Promise.withResolvers<void>()
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.resolve())

const backends = await startBackends((line) => console.error(line))
try {
  const cluster = await backends.start({
    port: Number(process.env['PORT'] ?? 8080),
    variables: { ADMIN_TOKEN: token },
  })
  console.log(
    `links answers at ${cluster.url}, admin token ${token}; replicas at ports ${cluster.replicas.map(({ port }) => port).join(', ')}. Ctrl-C stops all.`,
  )
  await stop.promise
  const codes = await cluster.stop()
  if (codes.some((code) => code !== 0)) console.error(`Replicas ended with ${codes.join(', ')}.`)
} finally {
  await backends.stop()
}
