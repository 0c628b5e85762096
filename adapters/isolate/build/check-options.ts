import { checkTargetOptions } from '../../../core/target-options.ts'
import { type IsolateOptions, isolateOptions } from '../options.ts'
import { checkOutbound } from '../services/outbound/rules.ts'

/**
 * Checks the options of the isolate target.
 *
 * @throws `InvalidArgument` naming the option and what it takes.
 */
export function checkOptions(given: Readonly<Record<string, unknown>>): IsolateOptions {
  const { options } = checkTargetOptions('isolate', given, isolateOptions)
  checkOutbound(options['outbound'], 'targets.isolate.options.outbound')
  return options
}
