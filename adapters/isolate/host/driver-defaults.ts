import type { DriverSpec } from '../../../core/adapter.ts'
import type { BindingKind } from '../../../core/bindings/declarations.ts'

/** The host's drivers by kind of binding; they replace the drivers named in artifacts. */
export type DriverDefaults = Readonly<
  Partial<Record<Exclude<BindingKind, 'variable' | 'service' | 'assets'>, DriverSpec>>
>
