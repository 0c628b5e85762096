/** `node:console` in an isolate: the global. */
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
export default console
export { console as 'module.exports' }
