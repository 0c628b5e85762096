import { LocalCounter } from '../../../core/bindings/counter.ts'
import type { DriverFactory } from '../../../core/bindings/drivers.ts'

/** Counter driver in memory: each process counts for itself. */
export const counter: DriverFactory<'counter'> = (_options, context) => new LocalCounter(() => context.now())
