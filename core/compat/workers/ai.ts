import type { Service } from '../../bindings/service.ts'
import { REFUSED_METHODS, refusedInput, refusedModel } from './ai-refusals.ts'

/** Options of {@link Ai.run} that have an effect off Cloudflare; others, such as `tags`, do not. */
interface AiOptions {
  gateway?: { id?: string }
  returnRawResponse?: boolean
  extraHeaders?: Readonly<Record<string, string>>
  prefix?: string
  signal?: AbortSignal
  websocket?: boolean
  queueRequest?: boolean
}

/** Error of the AI model's server, such as `5007: No such model ...`. */
class InferenceUpstreamError extends Error {
  constructor(message: string, name = 'InferenceUpstreamError') {
    super(message)
    this.name = name
  }
}

/** Error for a call that the Workers AI binding itself refuses. */
class AiInternalError extends Error {
  override readonly name = 'AiInternalError'
}

/**
 * Workers AI over a service that speaks the protocol of the driver `openai`. It supports text, chat, tools,
 * streams and embeddings; other features of Workers AI are refused by name.
 */
export class Ai {
  lastRequestId: string | null = null
  aiGatewayLogId: string | null = null
  lastRequestHttpStatusCode: number | null = null
  lastRequestInternalStatusCode: number | null = null
  #service: () => Pick<Service, 'fetch'>
  #name: string

  constructor(service: () => Pick<Service, 'fetch'>, name: string) {
    this.#service = service
    this.#name = name
    for (const [method, instead] of Object.entries(REFUSED_METHODS))
      Object.defineProperty(this, method, {
        value: () => {
          throw new AiInternalError(
            `env.${name}.${method}() is not supported outside of Cloudflare. ${instead}.`,
          )
        },
      })
  }

  /**
   * Runs an AI model. Returns its answer as an object, as a stream of server-sent events if the input has
   * `stream`, or as the Response with `returnRawResponse`.
   *
   * @throws `InferenceUpstreamError` and `AiError` as Workers AI does, `AiInternalError` for features that
   * only Cloudflare has, and the signal's reason if it aborts.
   */
  async run(
    model: string,
    inputs: Readonly<Record<string, unknown>>,
    options: AiOptions = {},
  ): Promise<unknown> {
    const { gateway, extraHeaders, prefix, signal } = options
    this.lastRequestId = ''
    this.#check(model, inputs, options)
    const name = prefix === undefined ? model : `${prefix}:${model}`
    const response = await this.#fetch(
      JSON.stringify({ model: name, inputs, gateway, headers: extraHeaders }),
      signal,
    )
    this.lastRequestId = response.headers.get('cf-ai-req-id')
    this.aiGatewayLogId = response.headers.get('cf-aig-log-id')
    this.lastRequestHttpStatusCode = response.status
    if (options.returnRawResponse === true) return response
    if (!response.ok || response.body === null) throw await this.#toError(response)
    return response.headers.get('content-type') === 'application/json' ? response.json() : response.body
  }

  /** @deprecated Workers AI's logs: always an empty list, as on Cloudflare. */
  getLogs(): string[] {
    return []
  }

  #check(model: string, inputs: Readonly<Record<string, unknown>>, options: AiOptions): void {
    const refuse = (what: string): never => {
      throw new AiInternalError(
        `env.${this.#name}.run(${JSON.stringify(model)}): ${what}. That is not supported outside of ` +
          'Cloudflare; call the REST API of a provider with fetch().',
      )
    }
    if (options.websocket === true) refuse('websocket is an option of Cloudflare\u2019s')
    if (options.queueRequest === true) refuse('queueRequest is an option of Cloudflare\u2019s')
    const kind = refusedModel(model)
    if (kind !== undefined) refuse(`the model is one of ${kind}`)
    if (typeof inputs !== 'object' || inputs === null) return
    for (const [name, value] of Object.entries(inputs)) {
      const body = typeof value === 'object' && value !== null && 'body' in value ? value.body : value
      if (body instanceof ReadableStream || body instanceof FormData)
        refuse(`"${name}" is a stream or a form, which models of sound and images take`)
    }
    const input = refusedInput(inputs)
    if (input !== undefined) refuse(input)
  }

  async #fetch(body: string, signal: AbortSignal | undefined): Promise<Response> {
    try {
      return await this.#service().fetch('/run', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (error) {
      throw signal?.aborted === true ? signal.reason : error
    }
  }

  async #toError(response: Response): Promise<Error> {
    const content = await response.text()
    let parsed: { internalCode?: number; description?: string; name?: string }
    try {
      parsed = JSON.parse(content) as typeof parsed
    } catch {
      return new InferenceUpstreamError(content)
    }
    if (parsed.internalCode === undefined) return new InferenceUpstreamError(content)
    this.lastRequestInternalStatusCode = parsed.internalCode
    return new InferenceUpstreamError(`${parsed.internalCode}: ${parsed.description}`, parsed.name)
  }
}
