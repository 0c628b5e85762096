/** `node:stream` in an isolate: the package readable-stream, which is Node's own code. */
import stream from 'readable-stream'
import { addWebStreams } from './stream-web.ts'

addWebStreams(stream as never)

export const {
  addAbortSignal,
  compose,
  destroy,
  Duplex,
  finished,
  isDisturbed,
  isErrored,
  isReadable,
  PassThrough,
  pipeline,
  promises,
  Readable,
  Stream,
  Transform,
  Writable,
} = stream
export default stream
export { stream as 'module.exports' }
