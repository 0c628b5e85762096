import { mkdir } from 'node:fs/promises'
import { createRequire } from 'node:module'
import type { AddressInfo, Server as NetServer } from 'node:net'
import { join } from 'node:path'
import { UnmoorError } from '../../../../core/errors.ts'
import { importOptional } from './packages.ts'
import type { Server } from './server.ts'

/** The part of dynalite (a DynamoDB emulator) that is used; the package has no types. */
interface Dynalite {
  default(options: { path?: string; createTableMs: number }): NetServer
}

/** Starts a server of DynamoDB's protocol (dynalite) on 127.0.0.1. */
export async function startDynamodb(dataDir: string | undefined): Promise<Server> {
  const dynalite = await importOptional<Dynalite>('dynalite', 'A kv binding on DynamoDB, started locally,')
  const path = dataDir === undefined ? undefined : join(dataDir, 'dynamodb')
  if (path !== undefined) await mkdir(path, { recursive: true })
  const server = dynalite.default({ createTableMs: 0, ...(path === undefined ? {} : { path }) })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) =>
      reject(new UnmoorError('Unavailable', `dynalite did not start: ${error.message}`, { cause: error })),
    )
    server.listen(0, '127.0.0.1', resolve)
  })
  const { version } = createRequire(import.meta.url)('dynalite/package.json') as { version: string }
  return {
    name: `dynalite ${version}`,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        ;(server as NetServer & { closeAllConnections?: () => void }).closeAllConnections?.()
      }),
  }
}
