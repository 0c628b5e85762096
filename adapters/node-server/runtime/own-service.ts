import process from 'node:process'
import { constantCase } from '../../../core/bindings/declarations.ts'
import type { ServiceDriver } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import type { BoundDriver } from '../../../core/runtime/runtime.ts'
import type { ServeOptions } from './serve-options.ts'

/** The URL that this process answers on, set once the server listens. */
export class OwnUrl {
  #url: string | undefined

  set(url: string): void {
    this.#url = url
  }

  get(binding: string): string {
    if (this.#url !== undefined) return this.#url
    throw new UnmoorError(
      'Unavailable',
      `Service "${binding}" is this app itself, which does not listen yet.`,
      { binding },
    )
  }
}

/** Makes service bindings that name the app itself call this process, unless a URL is set for the binding. */
export function withOwnService(
  { drivers, app, name }: Pick<ServeOptions, 'drivers' | 'app' | 'name'>,
  own: OwnUrl,
): Readonly<Record<string, BoundDriver>> {
  return Object.fromEntries(
    Object.entries(drivers).map(([binding, driver]) => {
      const declaration = app.bindings[binding]
      const isOwn = declaration?.kind === 'service' && (declaration.app ?? binding) === name
      if (
        !isOwn ||
        driver.options['driver'] !== 'http' ||
        'url' in driver.options ||
        process.env[`${constantCase(binding)}_URL`] !== undefined
      )
        return [binding, driver]
      return [
        binding,
        {
          ...driver,
          create: (options: object, context) =>
            createOwn(() => driver.create({ ...options, url: own.get(binding) }, context)),
        } satisfies BoundDriver,
      ]
    }),
  )
}

/** Returns a service binding's driver that calls `create` at its first call. */
function createOwn(create: () => unknown): ServiceDriver {
  let ready: Promise<ServiceDriver> | undefined
  const driver = (): Promise<ServiceDriver> => {
    ready ??= (async () => (await create()) as ServiceDriver)().catch((error: unknown) => {
      ready = undefined
      throw error
    })
    return ready
  }
  return {
    fetch: async (request) => (await driver()).fetch(request),
    close: async () => (await ready)?.close?.(),
  }
}
