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

/** Functions of which the guard of an isolate's memory is made, by their names in the isolate. */
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
/** Type of {@link KIT}, the functions of which the guard of an isolate's memory is made. */
export type GuardKit = typeof KIT
