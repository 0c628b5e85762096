import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'
import type { PendingUpgrade } from '../http/upgrades.ts'
import { Counter, Gauge, Histogram } from './prom-client.ts'

/**
 * HTTP methods with a label value of their own in metrics. A client can make up others, which share `other`.
 */
const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
/** Upper bounds, in seconds, of the buckets of the histogram of HTTP requests. */
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]

/** Counts and times the HTTP requests of a server. */
export class RequestMetrics {
  #inFlight = 0
  #total: Counter<'method' | 'status'>
  #duration: Histogram<'method'>

  constructor(registry: Registry) {
    const registers = [registry]
    this.#total = new Counter({
      name: 'unmoor_http_requests_total',
      help: 'Requests answered, by status class; aborted if the client left before the status was sent',
      labelNames: ['method', 'status'],
      registers,
    })
    this.#duration = new Histogram({
      name: 'unmoor_http_request_duration_seconds',
      help: "Time from a request's head to the end of its answer",
      labelNames: ['method'],
      buckets: BUCKETS,
      registers,
    })
    const inFlight = new Gauge({
      name: 'unmoor_http_requests_in_flight',
      help: 'Requests that are being answered',
      registers,
      collect: (): void => inFlight.set(this.#inFlight),
    })
  }

  /** Measures an HTTP request up to the end of its answer, or until its connection becomes a socket. */
  begin(incoming: IncomingMessage, outgoing: ServerResponse, upgrade: PendingUpgrade | undefined): void {
    const begun = performance.now()
    const method = METHODS.has(incoming.method as string) ? (incoming.method as string) : 'other'
    let isOpen = true
    const end = (status: string): void => {
      if (!isOpen) return
      isOpen = false
      this.#inFlight--
      this.#total.inc({ method, status })
      this.#duration.observe({ method }, (performance.now() - begun) / 1000)
    }
    this.#inFlight++
    outgoing.once('close', () =>
      end(outgoing.headersSent ? `${Math.floor(outgoing.statusCode / 100)}xx` : 'aborted'),
    )
    if (upgrade === undefined) return
    const { onTaken } = upgrade
    upgrade.onTaken = () => {
      onTaken?.()
      end('1xx')
    }
  }
}
