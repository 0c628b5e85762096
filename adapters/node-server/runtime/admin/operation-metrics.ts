import type { Registry } from 'prom-client'
import type { BindingKind } from '../../../../core/bindings/declarations.ts'
import { isUnmoorError } from '../../../../core/errors.ts'
import type { Runtime } from '../../../../core/runtime/runtime.ts'
import { Counter, Histogram } from './prom-client.ts'

/** Upper bounds, in seconds, of the buckets of the histogram of binding operations. */
const BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5, 30]
/**
 * Error code in metrics for an error that is no UnmoorError, such as one of the app's own inside a
 * transaction.
 */
const OTHER = 'other'

/** Measured methods of one binding's object, each with the operation that it is counted as. */
type Methods = Readonly<Record<string, string>>

/** Maps method names, separated by spaces, to measured operations of the same name. */
function named(names: string): Methods {
  return Object.fromEntries(names.split(' ').map((name) => [name, name]))
}

const STATEMENTS: Methods = { ...named('all first value run raw'), openRows: 'each' }

/**
 * Measured methods of the portable binding class of each kind. `update` and `transaction` call other measured
 * methods, which are counted as well.
 */
export const OPERATIONS: Readonly<Record<Exclude<BindingKind, 'sockets' | 'variable' | 'objects'>, Methods>> =
  {
    kv: named('get getWithMetadata getMany put delete list getWithVersion putIf deleteIf update'),
    blob: named('head get put delete list copy signedUrl startUpload uploadPart completeUpload abortUpload'),
    sql: { ...STATEMENTS, ...named('batch transaction') },
    queue: named('send sendBatch'),
    cache: named('match put delete'),
    secret: named('get'),
    service: named('fetch'),
    assets: named('fetch'),
    counter: named('take'),
  }
const IN_TRANSACTION: Methods = { ...STATEMENTS, commit: 'commit' }
/** Measured methods of a socket transport, which both `env.NAME` and the sockets of handlers call. */
const TRANSPORT: Methods = {
  ...named('accept send publish close setData subscribe unsubscribe'),
  saveTicket: 'url',
}

/** Called at the end of each binding operation with its seconds and what it threw, as `[error]`. */
type Observe = (operation: string, seconds: number, thrown?: [error: unknown]) => void

/** Counts and times the calls of an app's bindings. */
export class OperationMetrics {
  #duration: Histogram<'binding' | 'kind' | 'operation'>
  #errors: Counter<'binding' | 'kind' | 'operation' | 'code'>

  constructor(registry: Registry) {
    this.#duration = new Histogram({
      name: 'unmoor_binding_operation_duration_seconds',
      help: "Calls of bindings, failed ones included, until the call's promise settled",
      labelNames: ['binding', 'kind', 'operation'],
      buckets: BUCKETS,
      registers: [registry],
    })
    this.#errors = new Counter({
      name: 'unmoor_binding_operation_errors_total',
      help: 'Calls of bindings that failed, by code of UnmoorError; other if the error is none',
      labelNames: ['binding', 'kind', 'operation', 'code'],
      registers: [registry],
    })
  }

  /** Measures all calls of the runtime's bindings from now on; `transportOf` finds those of sockets. */
  watch(
    { app, env }: Pick<Runtime, 'app' | 'env'>,
    transportOf: (binding: string) => object | undefined,
  ): void {
    for (const [binding, { kind }] of Object.entries(app.bindings)) {
      if (kind === 'variable' || kind === 'objects') continue
      const observe = this.#observe(binding, kind)
      if (kind === 'sockets') {
        const transport = transportOf(binding)
        if (transport !== undefined) measure(transport, TRANSPORT, observe)
        continue
      }
      const portable = env[binding] as object
      measure(portable, OPERATIONS[kind], observe)
      if (kind === 'sql') measureTransactions(portable as Transactional, observe)
    }
  }

  #observe(binding: string, kind: string): Observe {
    return (operation, seconds, thrown) => {
      this.#duration.observe({ binding, kind, operation }, seconds)
      if (thrown === undefined) return
      const [error] = thrown
      this.#errors.inc({ binding, kind, operation, code: isUnmoorError(error) ? error.code : OTHER })
    }
  }
}

/**
 * Replaces methods of a binding's object by methods that measure the calls. They are set on the object
 * itself: a wrapper would have no access to the private fields, which `createSocket` for example reads.
 */
export function measure(target: object, methods: Methods, observe: Observe): void {
  for (const [name, operation] of Object.entries(methods)) {
    const method: unknown = Reflect.get(target, name)
    if (typeof method === 'function')
      override(target, name, measured(method as AnyMethod, operation, observe))
  }
}

type AnyMethod = (this: unknown, ...args: unknown[]) => Promise<unknown>

function override(target: object, name: string, value: AnyMethod): void {
  Object.defineProperty(target, name, { value, configurable: true, writable: true })
}

function measured(method: AnyMethod, operation: string, observe: Observe): AnyMethod {
  return function (...args) {
    const begun = performance.now()
    // The caller of a measured method receives the new promise, so that a failure that nobody handles is
    // still reported.
    return Reflect.apply(method, this, args).then(
      (result) => {
        observe(operation, (performance.now() - begun) / 1000)
        return result
      },
      (error: unknown) => {
        observe(operation, (performance.now() - begun) / 1000, [error])
        throw error
      },
    )
  }
}

interface Transactional {
  begin(options?: unknown): Promise<object>
}

/** Measures the statements of transactions, as operations of their database. */
function measureTransactions(sql: Transactional, observe: Observe): void {
  const begin = sql.begin.bind(sql)
  override(sql, 'begin', async (options) => {
    const transaction = await begin(options)
    measure(transaction, IN_TRANSACTION, observe)
    return transaction
  })
}
