/** `node:querystring` in an isolate: the implementation of the package unenv. */
import querystring from 'unenv/node/querystring'

export * from 'unenv/node/querystring'
export default querystring
export { querystring as 'module.exports' }
