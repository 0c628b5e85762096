/** `node:url` in an isolate: the global URL, and unenv's functions of old. */
import url from 'unenv/node/url'

export * from 'unenv/node/url'
export default url
export { url as 'module.exports' }
