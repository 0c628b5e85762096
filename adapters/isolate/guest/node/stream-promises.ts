/** `node:stream/promises` in an isolate. */
import { promises } from './stream.ts'

export const { finished, pipeline } = promises
export default promises
export { promises as 'module.exports' }
