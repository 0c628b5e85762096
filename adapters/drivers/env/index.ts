/** Secrets from the process's environment. */
import { constantCase } from '../../../core/bindings/declarations.ts'
import type { DriverFactory } from '../../../core/bindings/drivers.ts'

/** Options of the env driver. */
export interface EnvOptions {
  /** The variable. Default: the binding's name in CONSTANT_CASE. */
  name?: string
}

/** Reads the variable at each call, exactly as it is set. */
export const secret: DriverFactory<'secret', EnvOptions> = (options, context) => {
  const name = options.name ?? constantCase(context.binding)
  return { get: async () => context.variable(name) ?? null }
}
