/** `node:perf_hooks` in an isolate: the global `performance`. */
import { refused } from './refused.ts'
const { performance, Performance } = globalThis
const hooks = { performance }
export { performance, Performance }
const lacks = (name: string): ((...args: never[]) => never) => refused('perf_hooks', name)
export const PerformanceObserver = /* @__PURE__ */ lacks('PerformanceObserver')
export const PerformanceObserverEntryList = /* @__PURE__ */ lacks('PerformanceObserverEntryList')
export const createHistogram = /* @__PURE__ */ lacks('createHistogram')
export const createSlidingWindowHistogram = /* @__PURE__ */ lacks('createSlidingWindowHistogram')
export const eventLoopUtilization = /* @__PURE__ */ lacks('eventLoopUtilization')
export const importHistogram = /* @__PURE__ */ lacks('importHistogram')
export const monitorEventLoopDelay = /* @__PURE__ */ lacks('monitorEventLoopDelay')
export const timerify = /* @__PURE__ */ lacks('timerify')
export const PerformanceEntry = /* @__PURE__ */ lacks('PerformanceEntry')
export const PerformanceMark = /* @__PURE__ */ lacks('PerformanceMark')
export const PerformanceMeasure = /* @__PURE__ */ lacks('PerformanceMeasure')
export const PerformanceResourceTiming = /* @__PURE__ */ lacks('PerformanceResourceTiming')
export default hooks
export { hooks as 'module.exports' }
