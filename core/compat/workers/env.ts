import type { BlobStore } from '../../bindings/blob.ts'
import type { Counter } from '../../bindings/counter.ts'
import type { Kv } from '../../bindings/kv.ts'
import type { Queue } from '../../bindings/queue.ts'
import type { Secret } from '../../bindings/secret.ts'
import type { Service } from '../../bindings/service.ts'
import type { Sql } from '../../bindings/sql.ts'
import { Ai } from './ai.ts'
import { AnalyticsEngine } from './analytics.ts'
import { WorkersD1 } from './d1.ts'
import { createNamespace } from './durable/namespace.ts'
import { connect } from './sockets.ts'
import { RateLimit } from './rate-limit.ts'
import { createHyperdrive } from './small-bindings.ts'
import { WorkersKv } from './kv.ts'
import { WorkersQueue } from './queue.ts'
import { WorkersR2 } from './r2.ts'
import { createAssetsFetcher } from './assets.ts'
import { createSelfService, createService } from './service.ts'
import { createSite } from './site.ts'
import type { WorkerBinding, WorkerSpec } from './spec.ts'
import { portable, state } from './state.ts'

/**
 * Creates the Worker's env. It exists before the app's own env, so each Cloudflare binding looks up its
 * portable binding when it is used.
 */
export function createWorkerEnv(spec: WorkerSpec): Record<string, unknown> {
  const env: Record<string, unknown> = {}
  for (const [name, binding] of Object.entries(spec.env)) {
    if (binding.type === 'var') defineVariable(env, name, binding)
    else env[name] = createBinding(name, binding, spec)
  }
  return env
}

function createBinding(
  name: string,
  binding: Exclude<WorkerBinding, { type: 'var' }>,
  spec: WorkerSpec,
): unknown {
  switch (binding.type) {
    case 'kv':
      return new WorkersKv(() => portable<Kv>(binding.binding))
    case 'r2':
      return new WorkersR2(
        () => portable<BlobStore>(binding.binding),
        () => portable<BlobStore>(binding.uploads),
      )
    case 'd1':
      return new WorkersD1(() => portable<Sql>(binding.binding))
    case 'queue':
      return new WorkersQueue(() => portable<Queue>(binding.binding), {
        contentType: contentType(spec),
        deliveryDelay: binding.deliveryDelay,
      })
    case 'secret':
      return { get: () => portable<Secret>(binding.binding).get() }
    case 'service':
      return binding.self
        ? createSelfService(binding.entrypoint ?? 'default', binding.props)
        : createService(binding.binding, binding.entrypoint, binding.props)
    case 'assets':
      return createAssetsFetcher(binding)
    case 'site':
      return createSite(spec.site as NonNullable<WorkerSpec['site']>)
    case 'text':
      return binding.value
    case 'data':
      return fromBase64(binding.value).buffer
    case 'wasm':
      return new WebAssembly.Module(fromBase64(binding.value))
    case 'noAssets':
      return { connect, fetch: async () => new Response(null, { status: 404 }) }
    case 'object':
      return createNamespace(binding.className)
    case 'hyperdrive':
      return createHyperdrive(() => portable<string>(binding.binding))
    case 'analytics':
      return new AnalyticsEngine(() => portable<Sql>(binding.binding), binding.dataset)
    case 'ai':
      return new Ai(() => portable<Service>(binding.binding), name)
    case 'ratelimit':
      return new RateLimit(() => portable<Counter>(binding.binding), binding)
    case 'version':
      return { id: binding.id, tag: '', timestamp: new Date().toISOString() }
  }
}

function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0))
}

/**
 * Returns the default content type of a Worker's queue messages: JSON since 2024-03-18,
 * https://developers.cloudflare.com/workers/configuration/compatibility-flags/#queues-send-messages-in-json-format
 */
function contentType({ compatibilityDate, compatibilityFlags }: WorkerSpec): 'json' | 'v8' {
  if (compatibilityFlags.includes('no_queues_json_messages')) return 'v8'
  return compatibilityDate >= '2024-03-18' || compatibilityFlags.includes('queues_json_messages')
    ? 'json'
    : 'v8'
}

/**
 * Defines a variable of a Worker's env that is read on access: its value is known only once the app runs. The
 * Worker may replace it.
 */
function defineVariable(
  env: Record<string, unknown>,
  name: string,
  { binding, value, json }: Extract<WorkerBinding, { type: 'var' }>,
): void {
  let parsed: { text: string; value: unknown } | undefined
  Object.defineProperty(env, name, {
    enumerable: true,
    configurable: true,
    get() {
      const text = (state.portable?.[binding] as string | undefined) ?? value
      if (json !== true || text === undefined) return text
      if (parsed?.text !== text) parsed = { text, value: JSON.parse(text) as unknown }
      return parsed.value
    },
    set(replaced: unknown) {
      Object.defineProperty(env, name, {
        value: replaced,
        writable: true,
        enumerable: true,
        configurable: true,
      })
    },
  })
}
