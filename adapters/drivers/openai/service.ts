import { constantCase } from '../../../core/bindings/declarations.ts'
import type { DriverContext, DriverFactory, ServiceDriver } from '../../../core/bindings/drivers.ts'
import { UnmoorError } from '../../../core/errors.ts'
import { toMilliseconds } from '../shared/timeout.ts'
import { AiError, refusedBy } from './errors.ts'
import { type Inputs, toCall } from './input.ts'
import type { OpenaiOptions } from './options.ts'
import { toEmbeddings, toTextAnswer, toTextStream } from './output.ts'

/** The `ai` binding of an existing Worker on a server that speaks OpenAI's protocol. */
export const service: DriverFactory<'service', OpenaiOptions> = (options, context) => {
  const { binding } = context
  const name = constantCase(binding)
  const url = options.url ?? context.variable(`${name}_URL`)
  if (url === undefined)
    throw new UnmoorError(
      'NotFound',
      `"${binding}": set ${name}_URL to where the models' server is, such as https://api.openai.com/v1.`,
      { binding, operation: 'start' },
    )
  return new OpenaiService({
    url: checkUrl(url, 'url', context),
    key: options.key ?? context.variable(`${name}_KEY`),
    models: new Map(Object.entries(texts(options.models, 'models', context))),
    gateways: new Map(
      Object.entries(texts(options.gateways, 'gateways', context)).map(([id, address]) => [
        id,
        checkUrl(address, `gateways.${id}`, context),
      ]),
    ),
    timeout: toMilliseconds(options.timeout ?? 120, 'timeout', binding),
    binding,
  })
}

function texts(
  map: Readonly<Record<string, unknown>> | undefined,
  option: string,
  { binding }: DriverContext,
): Readonly<Record<string, string>> {
  for (const [name, value] of Object.entries(map ?? {}))
    if (typeof value !== 'string' || value === '')
      throw new UnmoorError(
        'InvalidArgument',
        `"${binding}": ${option}[${JSON.stringify(name)}] is a text.`,
        {
          binding,
          operation: 'start',
        },
      )
  return (map ?? {}) as Readonly<Record<string, string>>
}

function checkUrl(text: string, option: string, { binding }: DriverContext): string {
  const url = URL.parse(text)
  if (url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '')
    return text.replace(/\/$/, '')
  throw new UnmoorError(
    'InvalidArgument',
    `"${binding}": ${option} ${JSON.stringify(text)} is no URL of http.`,
    {
      binding,
      operation: 'start',
    },
  )
}

interface Settings {
  url: string
  key: string | undefined
  models: ReadonlyMap<string, string>
  gateways: ReadonlyMap<string, string>
  /** Milliseconds until the headers of the AI server's answer must be there. */
  timeout: number
  binding: string
}

/** A Workers AI call, as the facade of the `ai` binding sends it (`core/compat/workers/ai.ts`). */
interface Run {
  model: string
  inputs: Inputs
  gateway?: Gateway
  headers?: Readonly<Record<string, string>>
}

interface Gateway {
  id?: string
  skipCache?: boolean
  cacheTtl?: number
  cacheKey?: string
  metadata?: object
  collectLog?: boolean
  eventId?: string
  requestTimeoutMs?: number
}

class OpenaiService implements ServiceDriver {
  #settings: Settings

  constructor(settings: Settings) {
    this.#settings = settings
  }

  async fetch(request: Request): Promise<Response> {
    try {
      return await this.#run((await request.json()) as Run, request.signal)
    } catch (error) {
      if (error instanceof AiError) return error.toResponse()
      throw error
    }
  }

  async #run({ model, inputs, gateway, headers }: Run, signal: AbortSignal): Promise<Response> {
    const call = toCall(this.#modelOf(model), inputs)
    const response = await this.#send(`${this.#addressOf(gateway)}${call.path}`, {
      method: 'POST',
      headers: this.#headers(gateway, headers),
      body: JSON.stringify(call.body),
      signal,
    })
    if (!response.ok) throw await refusedBy(response)
    const answered = new Headers({ 'cf-ai-req-id': crypto.randomUUID() })
    const log = response.headers.get('cf-aig-log-id')
    if (log !== null) answered.set('cf-aig-log-id', log)
    if (inputs['stream'] === true && response.body !== null && call.path === '/chat/completions') {
      answered.set('content-type', 'text/event-stream')
      return new Response(toTextStream(response.body), { headers: answered })
    }
    const answer = await response.json().catch((error: unknown) => {
      throw new AiError(3043, 500, "the model's server did not answer with JSON", { cause: error })
    })
    answered.set('content-type', 'application/json')
    const json = isJson(inputs['response_format'])
    const body = call.path === '/embeddings' ? toEmbeddings(answer) : toTextAnswer(answer, json)
    return new Response(JSON.stringify(body), { headers: answered })
  }

  #modelOf(model: string): string {
    const { models, binding } = this.#settings
    const found = models.get(model) ?? models.get('*')
    if (found !== undefined) return found
    throw new AiError(
      5007,
      400,
      `No such model ${model} or task. Name the server's in unmoor.config.ts: drivers.${binding}.models: ` +
        `{ ${JSON.stringify(model)}: '...' }`,
    )
  }

  #addressOf(gateway: Gateway | undefined): string {
    const { url, gateways, binding } = this.#settings
    if (gateway?.id === undefined) return url
    const found = gateways.get(gateway.id) ?? gateways.get('*')
    if (found !== undefined) return found
    throw new AiError(
      5007,
      400,
      `No such gateway ${gateway.id}. Say where it is in unmoor.config.ts: drivers.${binding}.gateways: ` +
        `{ ${JSON.stringify(gateway.id)}: 'https://...' }`,
    )
  }

  /**
   * Builds the headers of an AI call. A gateway reads its options from the headers that Cloudflare's gateway
   * reads.
   */
  #headers(gateway: Gateway | undefined, more: Readonly<Record<string, string>> | undefined): Headers {
    const headers = new Headers(more)
    const { key } = this.#settings
    if (key !== undefined) headers.set('authorization', `Bearer ${key}`)
    headers.set('content-type', 'application/json')
    const options: Record<string, string | number | boolean | undefined> = {
      'cf-aig-skip-cache': gateway?.skipCache,
      'cf-aig-cache-ttl': gateway?.cacheTtl,
      'cf-aig-cache-key': gateway?.cacheKey,
      'cf-aig-collect-log': gateway?.collectLog,
      'cf-aig-event-id': gateway?.eventId,
      'cf-aig-request-timeout': gateway?.requestTimeoutMs,
      'cf-aig-metadata': gateway?.metadata === undefined ? undefined : JSON.stringify(gateway.metadata),
    }
    for (const [name, value] of Object.entries(options))
      if (value !== undefined) headers.set(name, String(value))
    return headers
  }

  /**
   * Sends a request to the AI model's server. The timer ends when the headers arrive; the caller's abort also
   * ends the body.
   */
  async #send(url: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> {
    const { timeout } = this.#settings
    const late = new AbortController()
    const timer = setTimeout(() => late.abort(), timeout)
    try {
      return await fetch(url, { ...init, signal: AbortSignal.any([init.signal, late.signal]) })
    } catch (error) {
      if (init.signal.aborted)
        throw new UnmoorError('Aborted', 'The call was aborted.', { mayHaveApplied: true, cause: error })
      if (late.signal.aborted)
        throw new AiError(3007, 408, `Request timeout: no answer within ${timeout / 1000} s`, {
          cause: error,
        })
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
      const why = cause instanceof Error ? cause.message || cause.name : String(cause)
      throw new AiError(3043, 500, `the model's server cannot be reached: ${why}`, { cause: error })
    } finally {
      clearTimeout(timer)
    }
  }
}

function isJson(format: unknown): boolean {
  const type = (format as { type?: unknown } | undefined)?.type
  return type === 'json_schema' || type === 'json_object'
}
