/** `node:punycode` in an isolate: the implementation of the package unenv. */
import punycode from 'unenv/node/punycode'

export * from 'unenv/node/punycode'
export default punycode
export { punycode as 'module.exports' }
