import process from 'node:process'
import type { Registry } from 'prom-client'
import {
  Counter,
  eventLoopLag,
  garbageCollection,
  heapSize,
  nodeVersion,
  processMemory,
  processStartTime,
} from './prom-client.ts'

/**
 * Adds metrics of the server process under the names that prom-client uses by default and dashboards know.
 */
export function addProcessMetrics(registry: Registry): void {
  eventLoopLag(registry)
  garbageCollection(registry)
  heapSize(registry)
  processMemory(registry)
  processStartTime(registry)
  nodeVersion(registry)
  const cpu = new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of the process, user and system',
    registers: [registry],
    collect() {
      const { user, system } = process.cpuUsage()
      cpu.reset()
      cpu.inc((user + system) / 1e6)
    },
  })
}
