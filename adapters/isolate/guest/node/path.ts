/** `node:path` in an isolate: unenv's, which is POSIX. */
import path from 'unenv/node/path'

export * from 'unenv/node/path'
export default path
export { path as 'module.exports' }
