import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

/** Tells the bench (the parent) the URL; ends with it. */
export function listening(server: Server): void {
  process.send?.({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
  process.on('disconnect', () => process.exit(0))
}
