/** `node:stream` in an isolate: the package readable-stream, which is Node's own code. */
import { refused } from './refused.ts'
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
const lacks = (name: string): ((...args: never[]) => never) => refused('stream', name)
export const duplexPair = /* @__PURE__ */ lacks('duplexPair')
export const getDefaultHighWaterMark = /* @__PURE__ */ lacks('getDefaultHighWaterMark')
export const isDestroyed = /* @__PURE__ */ lacks('isDestroyed')
export const isWritable = /* @__PURE__ */ lacks('isWritable')
export const setDefaultHighWaterMark = /* @__PURE__ */ lacks('setDefaultHighWaterMark')
export default stream
export { stream as 'module.exports' }
