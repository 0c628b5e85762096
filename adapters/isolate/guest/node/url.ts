/** `node:url` in an isolate: the global URL, and the legacy functions of the package unenv. */
import { refused } from './refused.ts'
import url from 'unenv/node/url'

export * from 'unenv/node/url'
const lacks = (name: string): ((...args: never[]) => never) => refused('url', name)
export const fileURLToPathBuffer = /* @__PURE__ */ lacks('fileURLToPathBuffer')
export default url
export { url as 'module.exports' }
