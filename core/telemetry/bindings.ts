/** Spans of calls of bindings: an env whose bindings record what the app calls. */
import type { BindingKind, Bindings } from '../bindings/declarations.ts'
import { isRequest, tracedRequest } from './http.ts'
import { type AttributeValue, KIND } from './otlp.ts'
import { activeScope, type Scope, type ScopeStore, type SpanStart } from './recorder.ts'

/** The methods of each kind of binding that get a span. All other members are passed on as they are. */
const METHODS: Partial<Record<BindingKind, string>> = {
  kv: 'get getWithMetadata getMany put delete list getWithVersion putIf deleteIf update',
  blob: 'head get put delete list copy startUpload uploadPart completeUpload abortUpload',
  sql: 'all first value run raw batch each openRows begin transaction commit rollback',
  queue: 'send sendBatch',
  cache: 'match put delete',
  service: 'fetch',
}

type Method = (...args: unknown[]) => unknown

/** A binding of an app, or a transaction of its database. */
interface Traced {
  readonly target: object
  readonly binding: string
  readonly kind: BindingKind
}

/** Returns an env with the same bindings, whose calls within an event are recorded. */
export function tracedEnv(
  env: Readonly<Record<string, unknown>>,
  bindings: Bindings,
  store: ScopeStore,
): Readonly<Record<string, unknown>> {
  const traced: Record<string, unknown> = { ...env }
  for (const [binding, { kind }] of Object.entries(bindings)) {
    const target = env[binding]
    if (METHODS[kind] !== undefined && typeof target === 'object' && target !== null)
      traced[binding] = wrap({ target, binding, kind }, store)
  }
  return Object.freeze(traced)
}

/**
 * Wraps a binding. It stays an instance of its class with all of its members, which run on the binding
 * itself: its private fields are not the wrapper's.
 */
function wrap(traced: Traced, store: ScopeStore): object {
  const { target, kind } = traced
  const methods = METHODS[kind]?.split(' ') ?? []
  const made = new Map<PropertyKey, { own: unknown; method: Method }>()
  // The proxy is one of an empty object, since a proxy of a frozen binding could not replace its methods.
  return new Proxy<object>(Object.create(Reflect.getPrototypeOf(target)), {
    get(_empty, key) {
      const own: unknown = Reflect.get(target, key, target)
      if (typeof own !== 'function' || key === 'constructor' || key === 'native') return own
      let known = made.get(key)
      if (known?.own !== own) {
        const method: Method = (...args) => Reflect.apply(own, target, args)
        const name = String(key)
        known = { own, method: methods.includes(name) ? record(traced, name, method, store) : method }
        made.set(key, known)
      }
      return known.method
    },
    has: (_empty, key) => key in target,
    set: (_empty, key, value) => Reflect.set(target, key, value),
  })
}

function record(traced: Traced, name: string, method: Method, store: ScopeStore): Method {
  const { kind, binding } = traced
  if (kind === 'sql' && name === 'each')
    return (...args) => eachRow(method, args, () => openSpan(traced, name, args), store)
  return (...args) => {
    const scope = activeScope(store)
    if (scope === undefined) return method(...args)
    if (kind === 'service') {
      const [input, init] = args as Parameters<typeof globalThis.fetch>
      // The binding replaces the host of the URL, so the span has the binding's name in its place.
      const base = `http://${binding}`
      const given = URL.parse(isRequest(input) ? input.url : `${input}`, base)
      if (given === null) return method(...args)
      const url = new URL(given.pathname, base)
      return tracedRequest(scope, { fetch: method as typeof fetch, url, input, init })
    }
    const work = (inner: Scope): unknown => method(...args.map((arg) => withinWork(arg, inner)))
    // The app's own work runs inside the call, so its calls are recorded, unlike those of the driver.
    const withinWork = (arg: unknown, inner: Scope): unknown =>
      typeof arg !== 'function'
        ? arg
        : (...given: unknown[]) =>
            store.run({ ...inner, isQuiet: false }, () =>
              Reflect.apply(arg, undefined, given.map(withTransaction)),
            )
    const withTransaction = (value: unknown): unknown =>
      kind === 'sql' && isTransaction(value) ? wrap({ target: value, binding, kind }, store) : value
    const result = scope.event.recorder.call(scope, () => openSpan(traced, name, args), work)
    return name === 'begin' ? (result as Promise<unknown>).then(withTransaction) : result
  }
}

function isTransaction(value: unknown): value is object {
  return typeof value === 'object' && value !== null && 'commit' in value
}

/** Reads rows in one span, from the first that is asked for to the last. */
async function* eachRow(
  method: Method,
  args: unknown[],
  start: () => SpanStart,
  store: ScopeStore,
): AsyncGenerator<unknown, void, undefined> {
  const rows = method(...args) as AsyncGenerator<unknown, void, undefined>
  const scope = activeScope(store)
  if (scope === undefined) return yield* rows
  const reading = Promise.withResolvers<void>()
  let inner!: Scope
  // The span lasts from the first row to the last; the promise that it waits for is the loop's end.
  const span = scope.event.recorder.call(scope, start, (own) => {
    inner = own
    return reading.promise
  })
  span.catch(() => {})
  try {
    for (;;) {
      const next = await store.run(inner, () => rows.next())
      if (next.done === true) return
      yield next.value
    }
  } catch (error) {
    reading.reject(error)
    throw error
  } finally {
    await store.run(inner, () => rows.return())
    reading.resolve()
  }
}

function openSpan({ target, binding, kind }: Traced, name: string, args: readonly unknown[]): SpanStart {
  const isSend = kind === 'queue'
  const isPostgres = 'dialect' in target && target.dialect === 'postgres'
  const operation = isSend ? 'send' : kind === 'sql' ? sqlOperation(name, args[0]) : name
  const attributes: Record<string, AttributeValue> = isSend
    ? messagingAttributes(binding, operation)
    : kind === 'kv' || kind === 'sql'
      ? {
          'db.system.name': kind === 'kv' ? 'unmoor.kv' : isPostgres ? 'postgresql' : 'sqlite',
          'db.namespace': binding,
          'db.operation.name': operation,
        }
      : { 'unmoor.binding.kind': kind, 'unmoor.binding.name': binding, 'unmoor.operation.name': operation }
  if (name === (isSend ? 'sendBatch' : 'batch') && Array.isArray(args[0]))
    attributes[isSend ? 'messaging.batch.message_count' : 'db.operation.batch.size'] = args[0].length
  return { name: `${operation} ${binding}`, kind: isSend ? KIND.producer : KIND.client, attributes }
}

/** Returns the attributes that sending to a queue and processing its messages have in common. */
export function messagingAttributes(queue: string, operation: string): Record<string, AttributeValue> {
  return {
    'messaging.system': 'unmoor',
    'messaging.operation.type': operation,
    'messaging.operation.name': operation,
    'messaging.destination.name': queue,
  }
}

/** Returns a statement's first word, such as `SELECT`. The text itself may have values and is left out. */
function sqlOperation(name: string, statement: unknown): string {
  const text =
    typeof statement === 'object' && statement !== null && 'text' in statement ? statement.text : statement
  const [, word] = typeof text === 'string' ? (/^\s*([a-z]+)\b/i.exec(text) ?? []) : []
  return (word ?? name).toUpperCase()
}
