import { createServer } from 'node:net'
import { UnmoorError } from '../../../../core/errors.ts'

/**
 * Checks that a port is free by listening on it without sharing. The host's own processes share the port, so
 * another host on it would go unnoticed.
 *
 * @throws `Unavailable` with `advice` if the port is taken.
 */
export function checkPort(port: number, host: string, advice: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const message =
        cause.code === 'EADDRINUSE'
          ? `port ${port} on ${host} is in use by another process. ${advice}`
          : `The host cannot listen on port ${port} on ${host}: ${cause.message}`
      reject(new UnmoorError('Unavailable', message, { operation: 'start', cause }))
    })
    server.listen(port, host, () => server.close(() => resolve()))
  })
}
