import type { App } from '../../../core/app.ts'
import type { Migration } from '../../../core/bindings/migrations.ts'
import type { BoundDriver } from '../../../core/runtime/runtime.ts'
import type { TestChannel } from '../../../core/runtime/test-channel.ts'
import type { ServerOptions } from '../options.ts'
import type { BoundCronStore } from './crons/crons.ts'
import type { CreateSocketServer } from './web-sockets/socket-server.ts'

/** An app and its settings, as a generated entry passes them to `serve`. */
export interface ServeOptions {
  app: App
  name: string
  drivers: Readonly<Record<string, BoundDriver>>
  /** Store in which crons are claimed. Default: each process runs every cron. */
  cronStore?: BoundCronStore | undefined
  /** Database migrations of the app, by sql binding. */
  migrations: Readonly<Record<string, readonly Migration[]>>
  options: ServerOptions
  /** Folder of the artifact that this process runs. */
  dir: string
  /** Creates the app's WebSocket server; only in artifacts of apps that declare sockets. */
  sockets?: CreateSocketServer | undefined
  /**
   * Handler of the test channel, by which tests reach the app's bindings; only in artifacts built for tests.
   */
  testChannel?: TestChannel | undefined
}
