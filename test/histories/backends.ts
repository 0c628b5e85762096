import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { ServerProcess } from '../../core/tools/conformance/backends/server-process.ts'
import type { TcpProxy } from './faults/tcp-proxy.ts'
import { nats, postgres, redis } from './servers.ts'
import type { BackendOptions } from './task.ts'

/** A backend that the histories of one driver share. Each history has an app's name, and so data, of its own. */
export interface Backend extends AsyncDisposable {
  /** The server's version, for the report. */
  readonly version: string
  readonly server: ServerProcess | undefined
  readonly proxy: TcpProxy | undefined
  /** Options of a run whose app has this name, in this folder. */
  options(app: string, folder: string): Promise<BackendOptions>
}

const BACKENDS: Readonly<Record<string, () => Promise<Backend>>> = {
  sqlite: async () => embedded(`SQLite ${process.versions['sqlite'] ?? ''}`),
  fs: async () => embedded(`Node ${process.versions.node}`),
  postgres,
  redis,
  nats,
}

/** Starts a backend of a driver, with servers of its own. @throws `MissingServer` if a program is not installed. */
export async function startBackend(driver: string): Promise<Backend> {
  const start = BACKENDS[driver]
  if (start === undefined)
    throw new Error(`There is no driver ${driver}. Name one of ${Object.keys(BACKENDS).join(', ')}.`)
  return start()
}

function embedded(version: string): Backend {
  return {
    version,
    server: undefined,
    proxy: undefined,
    async options(app, folder) {
      const dataDir = join(folder, 'data')
      await mkdir(dataDir, { recursive: true })
      return { app, dataDir, options: {} }
    },
    async [Symbol.asyncDispose]() {},
  }
}
