/** `node:perf_hooks` in an isolate: the global `performance`. */
const { performance } = globalThis
const hooks = { performance }
export { performance }
export default hooks
export { hooks as 'module.exports' }
