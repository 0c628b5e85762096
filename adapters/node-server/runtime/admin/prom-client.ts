/**
 * The parts of prom-client that an artifact needs. Its index would bring the other collectors,
 * OpenTelemetry's API and a push gateway into every artifact.
 */
export { default as Counter } from 'prom-client/lib/counter.js'
export { default as Gauge } from 'prom-client/lib/gauge.js'
export { default as Histogram } from 'prom-client/lib/histogram.js'
export { default as Registry } from 'prom-client/lib/registry.js'
export { default as eventLoopLag } from 'prom-client/lib/metrics/eventLoopLag.js'
export { default as garbageCollection } from 'prom-client/lib/metrics/gc.js'
export { default as heapSize } from 'prom-client/lib/metrics/heapSizeAndUsed.js'
export { default as processMemory } from 'prom-client/lib/metrics/osMemoryHeap.js'
export { default as processStartTime } from 'prom-client/lib/metrics/processStartTime.js'
export { default as nodeVersion } from 'prom-client/lib/metrics/version.js'
