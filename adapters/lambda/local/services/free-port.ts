import { createServer, type AddressInfo } from 'node:net'

/**
 * Returns a port of 127.0.0.1 that was free a moment ago, for local services that do not report which port
 * they took for 0.
 */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}
