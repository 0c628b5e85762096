import type { Server } from 'node:http'
import { UnmoorError } from '../../../../core/errors.ts'

/** Address that a server listens on, and the environment variables that set it. */
export interface ListenOptions {
  /** Port that the server listens on; 0 picks a free one. */
  port: number
  host: string
  /**
   * Names of the environment variables that the error message for a failed listen advises to set. Default:
   * PORT and HOST.
   */
  variables?: { port: string; host: string }
}

/**
 * Makes a server listen on a port. @throws `Unavailable` for a port in use, `PermissionDenied` for a port
 * that this user may not take, `InvalidArgument` for an address that is not this machine's.
 */
export function listen(server: Server, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => reject(listenError(error, options)))
    server.listen(options.port, options.host, () => {
      server.removeAllListeners('error')
      resolve()
    })
  })
}

function listenError(error: NodeJS.ErrnoException, options: ListenOptions): UnmoorError {
  const { port, host, variables = { port: 'PORT', host: 'HOST' } } = options
  const where = { operation: 'start', cause: error }
  switch (error.code) {
    case 'EADDRINUSE':
      return new UnmoorError(
        'Unavailable',
        `Port ${port} on ${host} is in use by another process. Stop that one, or set ${variables.port} to ` +
          'another.',
        where,
      )
    case 'EACCES':
      return new UnmoorError(
        'PermissionDenied',
        `This user may not listen on port ${port}. Set ${variables.port} to one of 1024 or higher.`,
        where,
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new UnmoorError(
        'InvalidArgument',
        `"${host}" is no address of this machine. Set ${variables.host} to one, such as 127.0.0.1 or ` +
          '0.0.0.0.',
        where,
      )
    default:
      return new UnmoorError(
        'Unavailable',
        `The server cannot listen on ${host}:${port}: ${error.message}`,
        where,
      )
  }
}
