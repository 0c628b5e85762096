import type { Registry } from 'prom-client'
import type { QueueDeclaration } from '../../../../core/bindings/declarations.ts'
import type { QueueIncoming, QueueSettlement } from '../../../../core/bindings/drivers.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import { scheduledCrons } from '../crons/alarm-clock.ts'
import { Counter, Gauge, Histogram } from './prom-client.ts'

/** The part of a runtime that runs queue batches and crons. */
export type EventRuntime = Pick<Runtime, 'app' | 'queue' | 'cron'>

/**
 * Upper bounds, in seconds, of histogram buckets: for the duration of queue batches and the age of messages.
 */
const BATCH_BUCKETS = [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300]
const AGE_BUCKETS = [0.01, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600, 21_600, 86_400]

/** Outcomes of a delivered queue message, as metrics count them. */
const OUTCOMES = ['ack', 'retry', 'dead_letter', 'drop'] as const

/** Counts and times the queue batches and cron runs of a process. */
export class EventMetrics {
  #queues: QueueMetrics
  #crons: CronMetrics

  constructor(registry: Registry) {
    this.#queues = new QueueMetrics(registry)
    this.#crons = new CronMetrics(registry)
  }

  /** Returns a runtime that passes queue batches and cron runs on to `runtime` and measures them. */
  watch(runtime: EventRuntime): EventRuntime {
    const crons = scheduledCrons(runtime)
    this.#queues.begin(Object.keys(runtime.app.queues))
    this.#crons.begin(Object.keys(crons))
    return {
      app: runtime.app,
      queue: async (binding, messages, ctx) => {
        const begun = performance.now()
        const outcome = await runtime.queue(binding, messages, ctx)
        const declaration = runtime.app.bindings[binding] as QueueDeclaration
        this.#queues.handled({ binding, declaration, messages, begun, ...outcome })
        return outcome
      },
      cron: async (name, scheduledTime, ctx) => {
        // Alarms of Durable Objects run as a cron that the app does not declare; metrics leave it out.
        if (!Object.hasOwn(crons, name)) return runtime.cron(name, scheduledTime, ctx)
        const end = this.#crons.started(name, scheduledTime)
        const outcome = await runtime.cron(name, scheduledTime, ctx)
        end(outcome.error !== undefined || outcome.retry)
        return outcome
      },
    }
  }
}

/** A queue batch that its handler has finished; `begun` is a time of `performance.now`. */
interface HandledBatch {
  binding: string
  declaration: QueueDeclaration
  messages: readonly QueueIncoming[]
  begun: number
  settlements: readonly QueueSettlement[]
  error?: unknown
}

class QueueMetrics {
  #batches: Counter<'queue'>
  #failures: Counter<'queue'>
  #messages: Counter<'queue' | 'outcome'>
  #duration: Histogram<'queue'>
  #age: Histogram<'queue'>

  constructor(registry: Registry) {
    const shared = { labelNames: ['queue'] as const, registers: [registry] }
    this.#batches = new Counter({
      name: 'unmoor_queue_batches_total',
      help: 'Batches that the handler was called with',
      ...shared,
    })
    this.#failures = new Counter({
      name: 'unmoor_queue_batch_failures_total',
      help: 'Batches whose handler threw',
      ...shared,
    })
    this.#messages = new Counter({
      name: 'unmoor_queue_messages_total',
      help: 'Deliveries by outcome; dead_letter and drop after the last retry',
      labelNames: ['queue', 'outcome'],
      registers: [registry],
    })
    this.#duration = new Histogram({
      name: 'unmoor_queue_batch_duration_seconds',
      help: 'Time that the handler took for a batch',
      buckets: BATCH_BUCKETS,
      ...shared,
    })
    this.#age = new Histogram({
      name: 'unmoor_queue_message_age_seconds',
      help: 'Time from the first send of a message to each delivery, delays included',
      buckets: AGE_BUCKETS,
      ...shared,
    })
  }

  /** Creates the counters of the queues with the value 0, so that their first increase is seen as one. */
  begin(queues: readonly string[]): void {
    for (const queue of queues) {
      this.#batches.inc({ queue }, 0)
      this.#failures.inc({ queue }, 0)
      for (const outcome of OUTCOMES) this.#messages.inc({ queue, outcome }, 0)
    }
  }

  handled({ binding: queue, declaration, messages, begun, settlements, error }: HandledBatch): void {
    const seconds = (performance.now() - begun) / 1000
    this.#batches.inc({ queue })
    if (error !== undefined) this.#failures.inc({ queue })
    this.#duration.observe({ queue }, seconds)
    const delivered = Date.now() - seconds * 1000
    const afterLast = declaration.deadLetterQueue === undefined ? 'drop' : 'dead_letter'
    for (const [index, { timestamp, attempts }] of messages.entries()) {
      this.#age.observe({ queue }, Math.max(0, (delivered - timestamp) / 1000))
      const isRetried = settlements[index]?.outcome === 'retry'
      const isLast = attempts > declaration.maxRetries
      this.#messages.inc({ queue, outcome: isRetried ? (isLast ? afterLast : 'retry') : 'ack' })
    }
  }
}

class CronMetrics {
  #runs: Counter<'cron'>
  #failures: Counter<'cron'>
  #lastRun: Gauge<'cron'>
  #lastSuccess: Gauge<'cron'>
  #duration: Gauge<'cron'>
  #lateness: Gauge<'cron'>

  constructor(registry: Registry) {
    const shared = { labelNames: ['cron'] as const, registers: [registry] }
    this.#runs = new Counter({
      name: 'unmoor_cron_runs_total',
      help: 'Runs of a cron that this process began, repeated ones included',
      ...shared,
    })
    this.#failures = new Counter({
      name: 'unmoor_cron_failures_total',
      help: 'Runs of a cron that threw',
      ...shared,
    })
    this.#lastRun = new Gauge({
      name: 'unmoor_cron_last_run_timestamp_seconds',
      help: 'When the last run of a cron began in this process',
      ...shared,
    })
    this.#lastSuccess = new Gauge({
      name: 'unmoor_cron_last_success_timestamp_seconds',
      help: 'When a run of a cron last ended without a throw in this process',
      ...shared,
    })
    this.#duration = new Gauge({
      name: 'unmoor_cron_last_duration_seconds',
      help: 'Time that the last ended run of a cron took',
      ...shared,
    })
    this.#lateness = new Gauge({
      name: 'unmoor_cron_last_lateness_seconds',
      help: 'Time from the scheduled time to the begin of the last run, which may be a retry',
      ...shared,
    })
  }

  begin(crons: readonly string[]): void {
    for (const cron of crons) {
      this.#runs.inc({ cron }, 0)
      this.#failures.inc({ cron }, 0)
    }
  }

  /** Counts a cron run, and returns the function to call at the run's end. */
  started(cron: string, scheduledTime: number): (failed: boolean) => void {
    const begun = performance.now()
    const now = Date.now()
    this.#runs.inc({ cron })
    this.#lastRun.set({ cron }, now / 1000)
    this.#lateness.set({ cron }, (now - scheduledTime) / 1000)
    return (failed) => {
      this.#duration.set({ cron }, (performance.now() - begun) / 1000)
      if (failed) this.#failures.inc({ cron })
      else this.#lastSuccess.set({ cron }, Date.now() / 1000)
    }
  }
}
