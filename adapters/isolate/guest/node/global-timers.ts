import { putGlobal } from './global-names.ts'
import { clearImmediate, setImmediate } from './timers.ts'

export { holder } from './global-names.ts'

putGlobal('setImmediate', setImmediate)
putGlobal('clearImmediate', clearImmediate)
