import type { ArtifactInfo, DriverSpec } from '../../../../core/adapter.ts'
import { constantCase, driverKind } from '../../../../core/bindings/declarations.ts'
import type {
  ObjectsDriver,
  QueueDriver,
  ServiceDriver,
  SqlDriver,
} from '../../../../core/bindings/drivers.ts'
import {
  type Portable,
  portableAssets,
  portableBlob,
  portableCache,
  portableCounter,
  portableKv,
  portableObjects,
  portableQueue,
  portableSecret,
  portableService,
  portableSockets,
  portableSql,
  portableStrongKv,
  portableTicketedSockets,
} from '../../../../core/bindings/portable.ts'
import { UnmoorError } from '../../../../core/errors.ts'
import { portableQueue as operableQueue } from '../../../../core/runtime/operable-queue.ts'
import type { BoundDriver } from '../../../../core/runtime/runtime.ts'
import type { AppRecord } from '../app-record.ts'
import type { DriverDefaults } from '../driver-defaults.ts'
import type { AppSockets } from './app-sockets.ts'
import { loadModule } from '../driver-module.ts'
import type { DiskQuota } from './disk-quota.ts'
import { tenantDatabase } from './tenant-database.ts'
import { type DriverWatch, watchAll, watchObjects, watchQueue, watchSql } from './watched-driver.ts'
import { decodeResponse } from '../../services/outbound/response.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- of each driver's own kind
const PORTABLE: Readonly<Record<string, Portable<any>>> = {
  kv: portableKv,
  strongKv: portableStrongKv,
  blob: portableBlob,
  sql: portableSql,
  queue: portableQueue,
  cache: portableCache,
  secret: portableSecret,
  service: portableService,
  assets: portableAssets,
  objects: portableObjects,
  counter: portableCounter,
  sockets: portableSockets,
  ticketedSockets: portableTicketedSockets,
}

/**
 * Drivers that an artifact may choose for itself, because they use only the app's own folder and variables.
 * Other options of these drivers are refused, since an option could lead out of the folder.
 */
const OWN_FOLDER: ReadonlySet<string> = new Set(['sqlite', 'fs', 'memory', 'env', 'http', 'files'])

/** Driver options that an artifact may set: they only change how a Worker's D1 database answers. */
const HARMLESS: ReadonlySet<string> = new Set(['integers', 'doubleQuotedStrings', 'allows'])

/** Calls another app of this host without a network connection. */
export type CallApp = (app: string, request: Request) => Promise<Response>

/** Functions and settings of the process that an app's drivers use. */
export interface DriversOptions {
  call: CallApp
  /** The host's drivers by kind of binding. */
  defaults: DriverDefaults
  watch: DriverWatch
  /**
   * Checks the lease of Durable Objects. @throws `Unavailable` if this process may no longer use the app's
   * Durable Objects.
   */
  checkLease: () => void
  quota: DiskQuota
  /** Maximum size in bytes of an SQL statement's result. */
  maxResult: number
  /** The app's sockets; undefined for an app that declares none. */
  sockets: AppSockets | undefined
}

/**
 * Loads the drivers of an app from this installation. An artifact brings no code that runs outside of its
 * isolate.
 *
 * @throws `PermissionDenied` for a driver that only the operator may choose, with the place to set it.
 */
export async function loadDrivers(
  record: AppRecord,
  info: ArtifactInfo,
  { call, defaults, watch, checkLease, quota, maxResult, sockets }: DriversOptions,
): Promise<Record<string, BoundDriver>> {
  const bound: Record<string, BoundDriver> = {}
  for (const [binding, declaration] of Object.entries(info.manifest.bindings)) {
    const kind = driverKind(declaration)
    if (kind === undefined) continue
    if (declaration.kind === 'service') {
      const target = declaration.app ?? binding
      const itself = target === info.manifest.name || target === record.name
      if (itself || record.settings.services?.includes(target) === true) {
        const app = itself ? record.name : target
        bound[binding] = {
          create: (): ServiceDriver => ({
            fetch: async (request) => decodeResponse(await call(app, request)),
          }),
          options: {},
          portable: portableService,
        }
        continue
      }
    }
    const shared = Object.hasOwn(defaults, declaration.kind)
      ? defaults[declaration.kind as keyof DriverDefaults]
      : undefined
    const own = ownSpec(record, binding)
    // In a shared SQL database each app gets a user of its own, since its statements can name any table.
    const given =
      own ??
      (shared !== undefined && declaration.kind === 'sql'
        ? await tenantDatabase(shared, record.name, binding)
        : shared)
    const spec = given ?? specOf(record, binding, info)
    const create = (await loadModule(spec.driver, binding))[kind] as BoundDriver['create'] | undefined
    if (create === undefined)
      throw new UnmoorError(
        'Unsupported',
        `App "${record.name}": the driver "${spec.driver}" of binding "${binding}" serves no ${kind}.`,
      )
    const options = kind === 'assets' ? { ...spec, directory: `${record.dir}/assets` } : spec
    if (declaration.kind === 'sockets' && sockets !== undefined) {
      const portable = PORTABLE[kind] as BoundDriver['portable']
      bound[binding] = { create: sockets.bind(binding, spec, create), options, portable }
      continue
    }
    const isOperable = declaration.kind === 'queue' && declaration.operable === true
    bound[binding] = {
      create: async (given, context) =>
        quota.hold(
          await watched(
            create,
            { kind, driver: spec.driver, isOperable },
            { watch, checkLease, maxResult },
          )(given, context),
          kind,
          spec.driver,
        ),
      options,
      portable: isOperable ? operableQueue : (PORTABLE[kind] as BoundDriver['portable']),
    }
  }
  return bound
}

/**
 * Wraps an app's drivers whose statements run on the thread that all tenants share, so that their time is
 * measured.
 */
function watched(
  create: BoundDriver['create'],
  { kind, driver, isOperable }: { kind: string; driver: string; isOperable: boolean },
  { watch, checkLease, maxResult }: Pick<DriversOptions, 'watch' | 'checkLease' | 'maxResult'>,
): BoundDriver['create'] {
  if (kind === 'objects')
    return async (given, context) => {
      const created = (await create(given, context)) as ObjectsDriver
      created.limitResult?.(maxResult)
      return watchObjects(created, watch, checkLease)
    }
  if (kind === 'sql' && driver === 'sqlite')
    return async (given, context) => {
      const created = (await create(given, context)) as SqlDriver
      created.limitResult?.(maxResult)
      return watchSql(created, watch)
    }
  if (driver === 'sqlite' && isOperable)
    return async (given, context) => watchQueue((await create(given, context)) as QueueDriver, watch)
  if (driver === 'sqlite' && (kind === 'kv' || kind === 'strongKv'))
    return async (given, context) => watchAll(await create(given, context), watch)
  return create
}

function ownSpec({ settings }: AppRecord, binding: string): DriverSpec | undefined {
  const given =
    settings.drivers !== undefined && Object.hasOwn(settings.drivers, binding)
      ? settings.drivers[binding]
      : undefined
  return typeof given === 'string' ? { driver: given } : given
}

function specOf(record: AppRecord, binding: string, info: ArtifactInfo): DriverSpec {
  const spec = Object.hasOwn(info.drivers, binding) ? info.drivers[binding] : undefined
  if (spec === undefined)
    throw new UnmoorError(
      'InvalidArgument',
      `App "${record.name}": its artifact names no driver for "${binding}". Build it again.`,
    )
  if (
    OWN_FOLDER.has(spec.driver) &&
    Object.keys(spec).every((option) => option === 'driver' || HARMLESS.has(option))
  )
    return spec
  throw new UnmoorError(
    'PermissionDenied',
    `App "${record.name}": its artifact asks for the driver ${JSON.stringify(spec)} for "${binding}" ` +
      `(${constantCase(binding)}). On a host, drivers other than ${[...OWN_FOLDER].join(', ')} ` +
      `and all options are the operator's to set: give it in the app's settings, as drivers.${binding}.`,
  )
}
