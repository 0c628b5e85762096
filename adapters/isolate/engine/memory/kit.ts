import { guestBudget, guestUses } from './budget.ts'
import { guestBuffers } from './buffers.ts'
import { guestIntl } from './intl.ts'
import { guestPrimordials } from './primordials.ts'
import { guestResizable } from './resizable.ts'
import { guestWasmModules } from './wasm-guard.ts'
import { guestImports } from './wasm-imports.ts'
import { guestWasmFunctions, guestWasmInstances } from './wasm-instances.ts'
import { guestCursor, guestReadModule, guestWriteMaxima } from './wasm-module.ts'
import { guestModules, guestObjects, guestShares } from './wasm-modules.ts'
import { guestWasmGrowth, guestWasmObjects } from './wasm-objects.ts'

/** The functions that the guard is made of, by their names in the isolate. */
export const KIT = {
  guestPrimordials,
  guestBudget,
  guestUses,
  guestBuffers,
  guestCursor,
  guestReadModule,
  guestWriteMaxima,
  guestShares,
  guestObjects,
  guestImports,
  guestModules,
  guestWasmModules,
  guestWasmInstances,
  guestWasmFunctions,
  guestWasmObjects,
  guestWasmGrowth,
  guestResizable,
  guestIntl,
}
/** Type of {@link KIT}, the functions that the guard is made of. */
export type GuardKit = typeof KIT
