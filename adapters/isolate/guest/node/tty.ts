/** `node:tty` in an isolate, which has no terminal: the package unenv's, as workerd's. */
import { isatty, ReadStream, WriteStream } from 'unenv/node/tty'

const tty = { isatty, ReadStream, WriteStream }
export { isatty, ReadStream, WriteStream }
export default tty
export { tty as 'module.exports' }
