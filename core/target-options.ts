import { UnmoorError } from './errors.ts'
import { type CheckedOptions, checkOptions, type OptionType } from './option-table.ts'

/** Runs {@link checkOptions} on `targets.NAME.options`. @throws `InvalidArgument` (operation `config`). */
export function checkTargetOptions(
  target: string,
  options: Readonly<Record<string, unknown>>,
  table: Readonly<Record<string, OptionType>>,
): CheckedOptions {
  return checkOptions(options, table, {
    path: `targets.${target}.options`,
    owner: `the target "${target}"`,
    refuse: (message) => {
      throw new UnmoorError('InvalidArgument', message, { operation: 'config' })
    },
  })
}
