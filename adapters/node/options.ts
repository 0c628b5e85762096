import type { OptionTable } from '../../core/option-table.ts'
import { checkTargetOptions } from '../../core/target-options.ts'
import { type CronOptions, cronOptions } from './cron-options.ts'

/** `targets.node.options` of unmoor.config.ts; every one is optional. */
export interface NodeOptions extends CronOptions {
  /** Largest request body in bytes; beyond it: 413. Default: no limit. */
  maxBodyBytes?: number
  /**
   * Whether `X-Forwarded-Proto` and `X-Forwarded-Host` make `request.url`. Only behind a proxy that sets them
   * itself. Default: false.
   */
  trustProxy?: boolean
  /**
   * Seconds that a stop waits for requests, `waitUntil` work, crons and queue batches, at most 86,400.
   * Default: 30.
   */
  stopTimeout?: number
  /** @deprecated Since 0.2: `stopTimeout`. */
  stopSeconds?: number
}

export const nodeOptions = {
  maxBodyBytes: { number: 'bytes', whole: true },
  trustProxy: 'boolean',
  ...cronOptions,
  stopTimeout: { number: 'seconds', max: 86_400 },
  stopSeconds: { renamed: 'stopTimeout' },
} satisfies OptionTable<NodeOptions>

/** @throws `InvalidArgument` naming an unknown option, or one of a wrong kind and what it takes. */
export function checkOptions(options: Readonly<Record<string, unknown>>): NodeOptions {
  return checkTargetOptions('node', options, nodeOptions).options
}
