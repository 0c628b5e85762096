/**
 * `unmoor/internal/telemetry`: records traces of an app and posts them to an OpenTelemetry collector. Only
 * builds whose config has `telemetry: true` contain this room, and they record only if OpenTelemetry's
 * variables name an endpoint.
 */
import type { App } from '../app.ts'
import { constantCase } from '../bindings/declarations.ts'
import type { Secret } from '../bindings/secret.ts'
import type { Context } from '../context.ts'
import { messagingAttributes, tracedEnv } from './bindings.ts'
import { Exporter } from './exporter.ts'
import { requestSpan, setStatus, tracedFetch } from './http.ts'
import { KIND } from './otlp.ts'
import { sendersOf, watchQueues } from './queues.ts'
import { Recorder, type ScopeStore, type SpanStart } from './recorder.ts'
import { readSettings, type Settings } from './settings.ts'
import { parseTraceparent } from './trace-context.ts'

/** Parts that the build passes to {@link withTelemetry}. */
export interface TelemetryParts {
  /** Name of the app, the default of `service.name`. */
  readonly name: string
  /** The target's `AsyncLocalStorage`. */
  readonly Store: new () => ScopeStore
}

type AppEnv = Readonly<Record<string, unknown>>

/** A recorder that is on, and the env whose bindings it records. */
interface Traced {
  readonly recorder: Recorder
  readonly env: AppEnv
}

/** Longest `baggage` header that is passed on (W3C Baggage, section 3.3.2). */
const LONGEST_BAGGAGE = 8192

/** Returns the app with handlers that record traces, if the variables in their env ask for it. */
export function withTelemetry(app: App, { name, Store }: TelemetryParts): App {
  const store = new Store()
  watchQueues(store)
  let nativeFetch: typeof globalThis.fetch | undefined
  const known = new WeakMap<AppEnv, Traced | null>()
  const tracedOf = (env: AppEnv): Traced | null => {
    let traced = known.get(env)
    if (traced === undefined) {
      const settings = settingsOf(env, app, name)
      traced = settings === undefined ? null : createTraced(settings, { app, env, store, fetch: wrapFetch() })
      known.set(env, traced)
    }
    return traced
  }
  /** Replaces the global `fetch` once, and returns the one that was there before. */
  const wrapFetch = (): typeof globalThis.fetch => {
    if (nativeFetch === undefined) {
      nativeFetch = globalThis.fetch.bind(globalThis)
      globalThis.fetch = tracedFetch(nativeFetch, store)
    }
    return nativeFetch
  }
  const { fetch } = app
  return {
    ...app,
    fetch:
      fetch &&
      ((request, env, ctx) => {
        const traced = tracedOf(env)
        return traced === null
          ? fetch.call(app, request, env, ctx)
          : traceRequest(traced, request, ctx, (own) => fetch.call(app, request, own as never, ctx))
      }),
    queues: mapValues(app.queues, (handler, queue) => (batch, env, ctx) => {
      const traced = tracedOf(env)
      if (traced === null) return handler(batch, env, ctx)
      const [message, second] = batch.messages
      const { links, parent } = sendersOf(batch.messages)
      const start = (): SpanStart => ({
        name: `process ${queue}`,
        kind: KIND.consumer,
        links,
        attributes: {
          ...messagingAttributes(queue, 'process'),
          ...(message && !second
            ? { 'messaging.message.id': message.id }
            : { 'messaging.batch.message_count': batch.messages.length }),
        },
      })
      return traced.recorder.event(ctx, start, { parent }, () => handler(batch, traced.env as never, ctx))
    }),
    crons: mapValues(app.crons, (cron, key) => ({
      ...cron,
      run(event, env, ctx) {
        const traced = tracedOf(env)
        if (traced === null) return cron.run(event, env, ctx)
        const start = (): SpanStart => ({
          name: `cron ${key}`,
          kind: KIND.server,
          attributes: {
            'faas.trigger': 'timer',
            'faas.cron': event.cron,
            'faas.time': new Date(event.scheduledTime).toISOString(),
            'unmoor.cron.name': key,
          },
        })
        return traced.recorder.event(ctx, start, {}, () => cron.run(event, traced.env as never, ctx))
      },
    })),
  }
}

function traceRequest(
  { recorder, env }: Traced,
  request: Request,
  ctx: Context,
  work: (env: AppEnv) => Response | Promise<Response>,
): Response | Promise<Response> {
  const { headers } = request
  const { propagators } = recorder.settings
  const parent = propagators.includes('tracecontext')
    ? parseTraceparent(headers.get('traceparent'), headers.get('tracestate'))
    : undefined
  const baggage = propagators.includes('baggage') ? headers.get('baggage') : null
  const caller = {
    parent,
    baggage: baggage !== null && baggage.length <= LONGEST_BAGGAGE ? baggage : undefined,
  }
  return recorder.event(
    ctx,
    () => requestSpan(request, ctx),
    caller,
    () => work(env),
    // The runtime answers 500 to a handler that returns no Response.
    (span, response) => setStatus(span, response ?? { status: 500 }),
  )
}

/** Reads the settings from an env; undefined if tracing is off or a variable is wrong. */
function settingsOf(env: AppEnv, app: App, name: string): Settings | undefined {
  const variable = (key: string): string | undefined => {
    const value = valueOf(env, app, key)
    return typeof value === 'string' ? value : undefined
  }
  try {
    return readSettings(name, variable)
  } catch (error) {
    // A wrong setting of tracing must not keep the app from its requests.
    console.error(`tracing is off: ${error instanceof Error ? error.message : String(error)}`)
    return undefined
  }
}

function createTraced(
  settings: Settings,
  { app, env, store, fetch }: { app: App; env: AppEnv; store: ScopeStore; fetch: typeof globalThis.fetch },
): Traced {
  const secret = async (key: string): Promise<string | null> => {
    // An isolate has a class of secrets of its own, so a secret is recognised by its method.
    const value = valueOf(env, app, key) as Partial<Secret<string | null>> | undefined
    return (await value?.get?.()) ?? null
  }
  const headers = async (): Promise<string | null> =>
    (await secret('OTEL_EXPORTER_OTLP_TRACES_HEADERS')) ?? secret('OTEL_EXPORTER_OTLP_HEADERS')
  const recorder = new Recorder(settings, new Exporter(settings, { fetch, headers }), store)
  return { recorder, env: tracedEnv(env, app.bindings, store) }
}

/** Returns the binding behind a platform's name, whatever name the app declared it by. */
function valueOf(env: AppEnv, app: App, variable: string): unknown {
  const binding = Object.keys(app.bindings).find((name) => constantCase(name) === variable)
  return binding === undefined ? undefined : env[binding]
}

function mapValues<T, U>(
  of: Readonly<Record<string, T>>,
  map: (value: T, key: string) => U,
): Record<string, U> {
  return Object.fromEntries(Object.entries(of).map(([key, value]) => [key, map(value, key)]))
}
