import process from 'node:process'
import { mkdir } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { UnmoorError } from '../../../core/errors.ts'
import { createRuntime, type BoundDriver, type Runtime } from '../../../core/runtime/runtime.ts'
import { isNews } from './events.ts'
import { isClientGone } from './http/client-gone.ts'
import { outsideEvents } from './outside-events.ts'
import { OwnUrl, withOwnService } from './own-service.ts'
import type { ServeOptions } from './serve-options.ts'
import type { SocketServer } from './web-sockets/socket-server.ts'

/**
 * Creates the app's runtime with its drivers open. `own` is the server's URL once it is known, for services
 * that name the app itself; `sockets` creates the transports of sockets bindings. With `readOnly` nothing is
 * created on disk.
 */
export async function createNodeRuntime(
  options: ServeOptions & { readonly readOnly?: boolean },
  own: OwnUrl = new OwnUrl(),
  sockets?: Pick<SocketServer, 'transport'>,
): Promise<Runtime> {
  const dataDir = resolve(process.env['DATA_DIR'] || 'data')
  if (options.readOnly !== true)
    await mkdir(dataDir, { recursive: true }).catch((cause: unknown) => {
      throw new UnmoorError(
        'PermissionDenied',
        `The data folder ${dataDir} cannot be made. Set DATA_DIR to a folder that this user may write.`,
        {
          operation: 'start',
          cause,
        },
      )
    })
  const drivers = withAssets({ ...options, drivers: withOwnService(options, own) })
  return createRuntime({
    app: options.app,
    name: options.name,
    drivers: options.readOnly === true ? forReads(drivers) : drivers,
    variable: (name) => process.env[name],
    dataDir,
    wrapDriver: outsideEvents,
    sockets: sockets?.transport,
    onError(message, error) {
      if (!isClientGone(error) && isNews(error)) console.error(message, error)
    },
  })
}

/** Opens drivers for reads alone. Done here, since the shared runtime is also in each Worker's bundle. */
function forReads(drivers: Readonly<Record<string, BoundDriver>>): Readonly<Record<string, BoundDriver>> {
  return Object.fromEntries(
    Object.entries(drivers).map(([binding, driver]) => [
      binding,
      {
        ...driver,
        create: (options: unknown, context) => driver.create(options, { ...context, readOnly: true }),
      },
    ]),
  )
}

/** Points the drivers `files` of assets bindings to the artifact's own copy of the assets. */
function withAssets({ drivers, app, dir }: ServeOptions): Readonly<Record<string, BoundDriver>> {
  return Object.fromEntries(
    Object.entries(drivers).map(([binding, driver]) => {
      if (app.bindings[binding]?.kind !== 'assets' || driver.options['driver'] !== 'files')
        return [binding, driver]
      return [binding, { ...driver, options: { directory: join(dir, 'assets'), ...driver.options } }]
    }),
  )
}
