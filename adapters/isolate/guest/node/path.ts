/** `node:path` in an isolate: the POSIX implementation of the package unenv. */
import path from 'unenv/node/path'

export * from 'unenv/node/path'
export default path
export { path as 'module.exports' }
