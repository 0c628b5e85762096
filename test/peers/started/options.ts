/** What a test of miniflare starts, as the wrangler file and the modules of one Worker. */
import { NotAsked } from '../within/harness.ts'

/** Answers the requests of a binding that leads back into the test. */
export type Reporter = (request: Request) => Promise<Response> | Response

interface Binding {
  type: string
  name?: string
  exportName?: string
  deliveryDelay?: number
  handler?: Reporter
}

interface Trigger {
  type: string
  name: string
  maxBatchSize?: number
  maxBatchTimeout?: number
  maxRetries?: number
  retryDelay?: number
  deadLetterQueue?: string
}

interface WorkerOptions {
  dev?: object
  config: {
    compatibilityDate: string
    compatibilityFlags?: string[]
    manifest?: string
    env?: Readonly<Record<string, Binding>>
    triggers?: readonly Trigger[]
    exports?: Readonly<Record<string, { storage: 'sqlite' | 'legacy-kv' }>>
  }
}

export interface MiniflareOptions {
  workers: readonly WorkerOptions[]
}

export interface StartedProject {
  files: Readonly<Record<string, string>>
  reporters: ReadonlyMap<string, Reporter>
}

/**
 * Two Workers, of which one sends to a queue and the other one consumes it, become one.
 *
 * @param reports address at which the reporters are served
 * @throws {NotAsked} where the test wants what only the simulator has.
 */
export function projectOf({ workers }: MiniflareOptions, reports: string): StartedProject {
  const [first, second] = workers
  if (first === undefined || workers.length > 2) throw new NotAsked('it starts several Workers')
  const own = JSON.stringify(workers)
  const knob = /"(unsafe\w+)"/.exec(own)?.[1]
  if (knob !== undefined) throw new NotAsked(`it sets ${knob}, which only the simulator has`)
  if (second !== undefined && (second.config.triggers ?? []).length === 0)
    throw new NotAsked('it starts several Workers')
  const env = Object.entries(Object.assign({}, ...workers.map(({ config }) => config.env ?? {})) as object)
  const bindings = env as [string, Binding][]
  const reporters = new Map(
    bindings.flatMap(([name, { handler }]) => (handler === undefined ? [] : [[name, handler] as const])),
  )
  const files: Record<string, string> = {
    'package.json': '{ "type": "module" }\n',
    'wrangler.jsonc': JSON.stringify(wranglerOf(workers, bindings), null, 2),
    'index.js': entryOf(second === undefined ? 'first' : 'second', [...reporters.keys()], reports),
  }
  for (const [index, name] of ['first', 'second'].entries())
    files[`${name}.js`] = workers[index]?.config.manifest ?? 'export {}'
  return { files, reporters }
}

function wranglerOf(
  workers: readonly WorkerOptions[],
  bindings: readonly [string, Binding][],
): Record<string, unknown> {
  const triggers = workers.flatMap(({ config }) => config.triggers ?? [])
  const { compatibilityDate, compatibilityFlags = [], exports = {} } = (workers[0] as WorkerOptions).config
  const queue = (name: string | undefined): Record<string, unknown> => ({ queue: name })
  const classes = (storage: string): string[] =>
    Object.keys(exports).filter((name) => exports[name]?.storage === storage)
  const objects = bindings.filter(([, { type }]) => type === 'durable-object')
  return {
    name: 'peers',
    main: 'index.js',
    compatibility_date: compatibilityDate,
    compatibility_flags: compatibilityFlags.filter((flag) => flag !== 'experimental'),
    queues: {
      producers: bindings
        .filter(([, { type }]) => type === 'queue')
        .map(([binding, { name, deliveryDelay }]) => ({
          binding,
          ...queue(name),
          ...(deliveryDelay === undefined ? {} : { delivery_delay: deliveryDelay }),
        })),
      // Miniflare's defaults are not those of a wrangler file.
      consumers: triggers.map((trigger) => ({
        ...queue(trigger.name),
        max_batch_size: trigger.maxBatchSize ?? 5,
        max_batch_timeout: trigger.maxBatchTimeout ?? 1,
        max_retries: trigger.maxRetries ?? 2,
        ...(trigger.retryDelay === undefined ? {} : { retry_delay: trigger.retryDelay }),
        ...(trigger.deadLetterQueue === undefined ? {} : { dead_letter_queue: trigger.deadLetterQueue }),
      })),
    },
    durable_objects: {
      bindings: objects.map(([name, { exportName }]) => ({ name, class_name: exportName })),
    },
    migrations:
      objects.length === 0
        ? []
        : [{ tag: 'v1', new_sqlite_classes: classes('sqlite'), new_classes: classes('legacy-kv') }],
  }
}

/** Header of a call that a test makes of an object's method, with the binding, the object's name and so on. */
export const CALL_HEADER = 'peers-call'

export interface ObjectCall {
  binding: string
  name: string
  method: string
  args: readonly unknown[]
}

/** The Worker's own module: the test's, with the bindings that lead back to it and calls of objects. */
function entryOf(consumer: string, reporters: readonly string[], reports: string): string {
  return `
import * as first from './first.js'
import * as second from './second.js'
export * from './first.js'
const REPORTERS = ${JSON.stringify(reporters)}
const reporters = Object.fromEntries(
  REPORTERS.map((name) => [name, { fetch: (url, init) => fetch(${JSON.stringify(reports)} + '/' + name, init) }]),
)
const withReporters = (env) => Object.assign(Object.create(env), reporters)
async function call(env, { binding, name, method, args }) {
  const namespace = env[binding]
  const stub = namespace.get(namespace.idFromName(name))
  if (method === 'fetch') return stub.fetch(...args)
  return Response.json({ result: await stub[method](...args) })
}
export default {
  fetch(request, env, ctx) {
    const header = request.headers.get('${CALL_HEADER}')
    return header === null ? first.default.fetch(request, withReporters(env), ctx) : call(env, JSON.parse(header))
  },
  queue: (batch, env, ctx) => ${consumer}.default.queue(batch, withReporters(env), ctx),
}
`
}
