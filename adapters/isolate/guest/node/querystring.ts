/** `node:querystring` in an isolate: unenv's. */
import querystring from 'unenv/node/querystring'

export * from 'unenv/node/querystring'
export default querystring
export { querystring as 'module.exports' }
