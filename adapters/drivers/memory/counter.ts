import { LocalCounter } from '../../../core/bindings/counter.ts'
import type { DriverFactory } from '../../../core/bindings/drivers.ts'

/** Counts of one process: others have their own. */
export const counter: DriverFactory<'counter'> = (_options, context) => new LocalCounter(() => context.now())
