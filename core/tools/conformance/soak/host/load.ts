import { Agent, request } from 'node:http'
import { sleep } from '../../assert.ts'

/** A request of the host soak, with a check of its answer. */
export interface SoakRequest {
  host: string
  path: string
  body?: string
  /** Returns what is wrong with the answer to the soak's request; undefined if it is right. */
  wrong(status: number, text: string): string | undefined
}

/** Results of the load of a host soak. */
export interface LoadReport {
  requests: number
  failed: number
  /** Messages of the first ten failures of the soak's requests. */
  failures: string[]
  /** Latency percentiles of the soak's requests in milliseconds. */
  p50: number
  p99: number
}

const TICK_MS = 10
const CLIENTS = 32
/**
 * Limit of the kept request latencies: a random sample of this size, so that a long run takes no more memory
 * than a short one.
 */
const SAMPLE = 20_000

/** Sends the host soak's requests over kept-alive connections, as browsers and proxies do. */
export class SoakLoad {
  #url: string
  #agent = new Agent({ keepAlive: true, maxSockets: 256 })
  #next: () => SoakRequest
  #report = { requests: 0, failed: 0, failures: [] as string[] }
  #took: number[] = []

  constructor(url: string, next: () => SoakRequest) {
    this.#url = url
    this.#next = next
  }

  /**
   * Measures the capacity of `unmoor host` in requests per second: each client sends its next request as soon
   * as it can.
   */
  async capacity(seconds: number): Promise<number> {
    const end = performance.now() + seconds * 1000
    const before = this.#report.requests
    const client = async (): Promise<void> => {
      while (performance.now() < end) await this.#send()
    }
    await Promise.all(Array.from({ length: CLIENTS }, client))
    return (this.#report.requests - before) / seconds
  }

  /**
   * Sends the soak's requests at a steady rate, without waiting for answers, until the signal aborts.
   * Resolves when all are answered.
   */
  async steady(rate: number, signal: AbortSignal): Promise<void> {
    const began = performance.now()
    const waiting = new Set<Promise<void>>()
    for (let sent = 0; !signal.aborted; await sleep(TICK_MS)) {
      for (const due = ((performance.now() - began) / 1000) * rate; sent < due; sent++) {
        const one: Promise<void> = this.#send().finally(() => waiting.delete(one))
        waiting.add(one)
      }
    }
    await Promise.all(waiting)
  }

  async #send(): Promise<void> {
    const wanted = this.#next()
    const began = performance.now()
    const what = await ask(this.#url, this.#agent, wanted).then(
      ({ status, text }) => wanted.wrong(status, text),
      (error: Error) => error.message,
    )
    const index = this.#report.requests++
    const took = performance.now() - began
    // Reservoir sampling: each request latency is kept with the same probability.
    if (index < SAMPLE) this.#took.push(took)
    else if (Math.random() < SAMPLE / index) this.#took[Math.floor(Math.random() * SAMPLE)] = took
    if (what === undefined) return
    this.#report.failed++
    if (this.#report.failures.length < 10)
      this.#report.failures.push(`${wanted.host}${wanted.path}: ${what.slice(0, 200)}`)
  }

  report(): LoadReport {
    const sorted = this.#took.toSorted((a, b) => a - b)
    const at = (quantile: number): number =>
      Math.round((sorted[Math.floor((sorted.length - 1) * quantile)] ?? 0) * 100) / 100
    return { ...this.#report, p50: at(0.5), p99: at(0.99) }
  }

  close(): void {
    this.#agent.destroy()
  }
}

/** Sends one HTTP request with node:http, because fetch() would not send a Host header. */
export function ask(
  url: string,
  agent: Agent | false,
  { host, path, body }: Omit<SoakRequest, 'wrong'>,
): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(
      `${url}${path}`,
      { method: body === undefined ? 'GET' : 'POST', agent, headers: { host } },
      (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.once('end', () => resolve({ status: response.statusCode as number, text }))
        response.once('error', reject)
      },
    )
    sent.once('error', reject)
    sent.end(body)
  })
}
