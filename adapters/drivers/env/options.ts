import type { DriverOptionTables, OptionTable } from '../../../core/option-table.ts'

/** Options of the env driver. */
export interface EnvOptions {
  /** The variable. Default: the binding's name in CONSTANT_CASE. */
  name?: string
}

export const options = {
  secret: { name: 'string' } satisfies OptionTable<EnvOptions>,
} satisfies DriverOptionTables
