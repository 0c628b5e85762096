/**
 * The metrics of a server. Loaded only if the admin port is on, so that other servers evaluate none of it and
 * have no hook in the way of their requests.
 */
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import type { HttpListener } from '../http/upgrades.ts'
import type { ServerSockets, SocketServer } from '../web-sockets/socket-server.ts'
import { type EventRuntime, EventMetrics } from './event-metrics.ts'
import { OperationMetrics } from './operation-metrics.ts'
import { addProcessMetrics } from './process-metrics.ts'
import { Gauge, Registry } from './prom-client.ts'
import { addQueueDepth } from './queue-depth.ts'
import { RequestMetrics } from './request-metrics.ts'

/** Sockets of a server; only those of `sockets` bindings can be measured. */
type MeteredSockets = ServerSockets & Partial<Pick<SocketServer, 'size' | 'transportOf'>>

/** All metrics of one server process. */
export class Metrics {
  #registry = new Registry()
  #operations = new OperationMetrics(this.#registry)
  #events = new EventMetrics(this.#registry)
  #requests = new RequestMetrics(this.#registry)

  constructor() {
    addProcessMetrics(this.#registry)
  }

  /** Measures an HTTP request; for the option `onRequest` of the app's server. */
  readonly onRequest: HttpListener = (incoming, outgoing, upgrade) =>
    this.#requests.begin(incoming, outgoing, upgrade)

  /** Media type of {@link text}: Prometheus's text format. */
  get type(): string {
    return this.#registry.contentType
  }

  /** Collects all metrics and returns them in Prometheus's text format. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  /** Measures the bindings and queues of a runtime whose drivers are open, and its sockets. */
  watchBindings(drivers: Runtime, sockets: MeteredSockets | undefined): void {
    this.#operations.watch(drivers, (binding) => sockets?.transportOf?.(binding))
    addQueueDepth(this.#registry, drivers)
    if (sockets?.size === undefined) return
    const open = new Gauge({
      name: 'unmoor_sockets_open',
      help: 'WebSockets that this process holds',
      registers: [this.#registry],
      collect: (): void => open.set(sockets.size ?? 0),
    })
  }

  /** Returns a runtime that measures the batches and cron runs which it passes on to `runtime`. */
  watchEvents(runtime: EventRuntime): EventRuntime {
    return this.#events.watch(runtime)
  }
}
