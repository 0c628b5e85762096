import { AwsV4Signer } from 'aws4fetch'
import { utf8Text } from '../../../core/bindings/bytes.ts'
import type { AwsCredentials } from './credentials.ts'
import { parseAwsError, type RequestInfo, retryable, toUnmoorError } from './errors.ts'
import { exchange, type HttpResponse, readBody } from './http.ts'
import type { AwsSettings } from './settings.ts'

/** One call of an AWS service, before it is signed. */
export interface AwsRequest extends RequestInfo {
  method?: string
  /** Absolute URL of the AWS request. */
  url: string
  headers?: Record<string, string>
  body?: Uint8Array<ArrayBuffer> | string | undefined
  signal?: AbortSignal | undefined
  /** Milliseconds without progress after which an AWS request fails. Default: the timeout of the settings. */
  timeout?: number
  /** True if an AWS request may be sent again when it is unclear whether the first was applied. */
  repeatable: boolean
  /** HTTP statuses outside 2xx that the AWS client returns as answers instead of throwing them as errors. */
  accept?: readonly number[]
}

/**
 * An AWS client that signs requests, sends them, and repeats them where that is safe. Every failure is an
 * `UnmoorError`.
 */
export class AwsClient {
  readonly settings: AwsSettings
  // AWS signing keys are cached for the day, so that a signature costs one HMAC instead of five.
  #keys = new Map<string, ArrayBuffer>()

  constructor(settings: AwsSettings) {
    this.settings = settings
  }

  /**
   * Sends an AWS request. Resolves when the answer's headers have arrived; the caller must read or destroy
   * the body.
   */
  async send(request: AwsRequest): Promise<HttpResponse> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#attempt(request)
      } catch (error) {
        const may = retryable(error)
        const again = may === 'rejected' || (may === 'unclear' && request.repeatable)
        if (!again || attempt >= this.settings.retries || request.signal?.aborted)
          throw toUnmoorError(error, request)
        await pause(backoff(attempt), request.signal)
      }
    }
  }

  /**
   * Sends an AWS request and returns the answer with its whole body. If the connection breaks within the
   * body, the request is repeated.
   */
  async text(
    request: AwsRequest,
  ): Promise<{ status: number; headers: HttpResponse['headers']; text: string }> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.send(request)
      try {
        return {
          status: response.status,
          headers: response.headers,
          text: utf8Text(await readBody(response.body)),
        }
      } catch (error) {
        if (!request.repeatable || attempt >= this.settings.retries || request.signal?.aborted)
          throw toUnmoorError(error, request)
        await pause(backoff(attempt), request.signal)
      }
    }
  }

  /** Returns a presigned AWS URL, with the signature in its query. The signature is valid for `seconds`. */
  async signedUrl(url: string, method: string, seconds: number): Promise<string> {
    const { service, region } = this.settings
    const signer = new AwsV4Signer({
      method,
      url: `${url}?X-Amz-Expires=${seconds}`,
      signQuery: true,
      ...withoutUndefined(await this.settings.credentials()),
      service,
      region,
      cache: this.#keys,
    })
    return (await signer.sign()).url.href
  }

  async #attempt(request: AwsRequest): Promise<HttpResponse> {
    const { service, region, timeout } = this.settings
    const signer = new AwsV4Signer({
      method: request.method ?? 'POST',
      url: request.url,
      headers: request.headers ?? {},
      body: request.body ?? null,
      ...withoutUndefined(await this.settings.credentials()),
      service,
      region,
      cache: this.#keys,
    })
    const signed = await signer.sign()
    const response = await exchange({
      method: signed.method,
      url: signed.url,
      headers: Object.fromEntries(signed.headers),
      body: request.body,
      timeout: request.timeout ?? timeout,
      signal: request.signal,
    })
    if ((response.status >= 200 && response.status < 300) || request.accept?.includes(response.status))
      return response
    throw parseAwsError(response.status, response.headers, utf8Text(await readBody(response.body)))
  }
}

function withoutUndefined({ accessKeyId, secretAccessKey, sessionToken }: AwsCredentials): {
  accessKeyId: string
  secretAccessKey: string
  sessionToken?: string
} {
  const keys = { accessKeyId, secretAccessKey }
  return sessionToken === undefined ? keys : { ...keys, sessionToken }
}

/** Delay before a retry of an AWS request, with full jitter: 0 to 50 ms doubled per attempt, at most 2 s. */
function backoff(attempt: number): number {
  return Math.random() * Math.min(2000, 50 * 2 ** attempt)
}

/**
 * Sleeps for `milliseconds` between two attempts of an AWS request. An abort ends the sleep early; the next
 * attempt reports the abort.
 */
export function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, milliseconds)
    signal?.addEventListener('abort', done, { once: true })
  })
}
