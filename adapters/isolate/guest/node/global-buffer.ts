import { Buffer as original } from './buffer.ts'
import { keepName } from './global-names.ts'

/** Bare `Buffer`: whatever `globalThis.Buffer` is now. */
export let Buffer: unknown = original
keepName('Buffer', original, (value) => {
  Buffer = value
})
