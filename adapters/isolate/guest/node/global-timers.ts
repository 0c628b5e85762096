import * as timers from './timers.ts'
import { keepName } from './global-names.ts'

/** Bare `setImmediate` and `clearImmediate`: whatever the global object's are now. */
export let setImmediate: unknown = timers.setImmediate
export let clearImmediate: unknown = timers.clearImmediate
keepName('setImmediate', timers.setImmediate, (value) => {
  setImmediate = value
})
keepName('clearImmediate', timers.clearImmediate, (value) => {
  clearImmediate = value
})
