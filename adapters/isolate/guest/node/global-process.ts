import original from './process.ts'
import { keepName } from './global-names.ts'

/** Bare `process`: whatever `globalThis.process` is now. */
export let process: unknown = original
keepName('process', original, (value) => {
  process = value
})
