/** Secrets from the process's environment. */
import { constantCase } from '../../../core/bindings/declarations.ts'
import type { DriverFactory } from '../../../core/bindings/drivers.ts'
import type { EnvOptions } from './options.ts'

export type { EnvOptions } from './options.ts'

/** Secret driver that reads the environment variable at each call and returns it unchanged. */
export const secret: DriverFactory<'secret', EnvOptions> = (options, context) => {
  const name = options.name ?? constantCase(context.binding)
  return { get: async () => context.variable(name) ?? null }
}
