import { UnmoorError } from '../../core/errors.ts'
import { CRON_CHECKS, type ServerOptions } from '../node-server/options.ts'

/** `targets.node.options` of unmoor.config.ts; every one is optional. */
export interface NodeOptions extends ServerOptions {}

const CHECKS: Readonly<Record<keyof NodeOptions, { wants: string; holds(value: unknown): boolean }>> = {
  maxBodyBytes: { wants: 'a whole number of bytes', holds: (value) => Number.isSafeInteger(value) && (value as number) >= 0 },
  trustProxy: { wants: 'true or false', holds: (value) => typeof value === 'boolean' },
  ...CRON_CHECKS,
  stopSeconds: { wants: 'a number of seconds, 0 or more', holds: (value) => typeof value === 'number' && value >= 0 && value <= 86_400 },
}

/** @throws `InvalidArgument` naming an unknown option, or one of a wrong kind and what it takes. */
export function checkOptions(options: Readonly<Record<string, unknown>>): NodeOptions {
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(CHECKS, name) ? CHECKS[name as keyof NodeOptions] : undefined
    if (check === undefined) {
      throw new UnmoorError('InvalidArgument', `targets.node.options.${name}: the Node target has no such option. It has: ${Object.keys(CHECKS).join(', ')}.`, {
        operation: 'build',
      })
    }
    if (value !== undefined && !check.holds(value)) {
      throw new UnmoorError('InvalidArgument', `targets.node.options.${name} is ${JSON.stringify(value)}; it takes ${check.wants}.`, { operation: 'build' })
    }
  }
  return options
}
