/** Client of the data route that builds with `--data-route` contain. */
import { errorFromJSON, isUnmoorError, type SerializedError, UnmoorError } from '../../errors.ts'
import { BLOB_HEADER, DATA_PATH, type DataRequest, NO_OPERATION } from '../../runtime/data-route.ts'
import { decodeValue } from '../../runtime/rpc.ts'

/** Calls the data route of one deployment, for `unmoor data`, `unmoor cron` and `unmoor queue`. */
export class RouteClient {
  #url: string
  #token: string

  constructor(url: string, token: string) {
    this.#url = url
    this.#token = token
  }

  /**
   * Sends one operation to the data route and resolves to its answer.
   *
   * @throws what the operation throws; `Unsupported` if the deployment does not know the operation;
   * `PermissionDenied` if there is no data route for this token; `Unavailable` if nothing answers; `Timeout`
   * if the answer takes too long.
   */
  async call(request: DataRequest): Promise<unknown> {
    const response = await this.fetch(DATA_PATH, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    }).catch((error: unknown) => {
      // A deployment that does not know the operation has no code of its own for that.
      if (!isUnmoorError(error, 'InvalidArgument') || !error.message.startsWith(NO_OPERATION)) throw error
      throw new UnmoorError(
        'Unsupported',
        `${this.#url} was built by an older unmoor, whose data route has no operation "${request.op}". ` +
          'Build the app with --data-route again, and deploy it.',
        { operation: 'data', cause: error },
      )
    })
    const answer: unknown = await response.json().catch(() => undefined)
    if (answer === null || typeof answer !== 'object' || !('value' in answer)) throw this.#noRoute()
    return decodeValue(answer.value)
  }

  async fetch(path: string, init: RequestInit): Promise<Response> {
    const headers = new Headers(init.headers)
    headers.set('authorization', `Bearer ${this.#token}`)
    const response = await fetch(new URL(path, this.#url), { ...init, headers }).catch((cause: unknown) => {
      // Node's fetch waits five minutes for the head of an answer.
      if (hasCode(cause, 'UND_ERR_HEADERS_TIMEOUT'))
        throw new UnmoorError(
          'Timeout',
          `${this.#url} took the request, and sent no answer within five minutes. It may still be at work: ` +
            'see its log.',
          { operation: 'data', cause, mayHaveApplied: true },
        )
      throw new UnmoorError('Unavailable', `Nothing answers at ${this.#url}.`, { operation: 'data', cause })
    })
    if (
      response.ok &&
      (path !== DATA_PATH || response.headers.get('content-type')?.startsWith('application/json') === true)
    )
      return response
    if (response.status === 422) {
      const answer = (await response.json().catch(() => undefined)) as
        | { error?: SerializedError }
        | null
        | undefined
      throw typeof answer?.error?.message === 'string' ? errorFromJSON(answer.error) : this.#noRoute()
    }
    await response.body?.cancel()
    // The app itself answers where there is no data route for the token, with any status and content.
    if (
      response.ok ||
      [401, 403, 405].includes(response.status) ||
      (response.status === 404 && !response.headers.has(BLOB_HEADER))
    )
      throw this.#noRoute()
    if (response.status === 404) return response
    if (response.status === 413)
      throw new UnmoorError(
        'LimitExceeded',
        `${this.#url} takes no request of that size. Reach its store directly: give the target's name ` +
          'with its credentials instead of the URL.',
        { operation: 'data' },
      )
    throw new UnmoorError('Unavailable', `${this.#url} answered ${response.status}.`, {
      operation: 'data',
      retryable: response.status >= 500,
    })
  }

  #noRoute(): UnmoorError {
    return new UnmoorError(
      'PermissionDenied',
      `${this.#url} has no data route for this token. Build the app with --data-route, set ` +
        'UNMOOR_DATA_TOKEN (24 characters or more) there, and give the same token here.',
      { operation: 'data' },
    )
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && (Object(error.cause) as { code?: unknown }).code === code
}
