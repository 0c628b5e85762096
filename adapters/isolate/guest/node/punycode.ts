/** `node:punycode` in an isolate: unenv's. */
import punycode from 'unenv/node/punycode'

export * from 'unenv/node/punycode'
export default punycode
export { punycode as 'module.exports' }
