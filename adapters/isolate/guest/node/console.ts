/** `node:console` in an isolate: the global console. */
import { refused } from './refused.ts'
const { console } = globalThis
export const {
  assert,
  clear,
  count,
  countReset,
  debug,
  dir,
  dirxml,
  error,
  group,
  groupCollapsed,
  groupEnd,
  info,
  log,
  table,
  time,
  timeEnd,
  timeLog,
  trace,
  warn,
} = console
export { console }
const lacks = (name: string): ((...args: never[]) => never) => refused('console', name)
export const Console = /* @__PURE__ */ lacks('Console')
export const context = /* @__PURE__ */ lacks('context')
export const createTask = /* @__PURE__ */ lacks('createTask')
export const profile = /* @__PURE__ */ lacks('profile')
export const profileEnd = /* @__PURE__ */ lacks('profileEnd')
export const timeStamp = /* @__PURE__ */ lacks('timeStamp')
export default console
export { console as 'module.exports' }
