import { createServer } from 'node:net'
import { UnmoorError } from '../../../../core/errors.ts'

/**
 * The processes of a host share its port, so that another host's would not be noticed: whether it is taken is
 * asked without sharing.
 *
 * @throws `Unavailable` where it is, with `advice`.
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
